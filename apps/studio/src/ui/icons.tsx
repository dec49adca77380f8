// The few signs that buttons carry: strokes on a grid of 24, in the colour of their text. Names are said by the buttons themselves.
const PATHS = {
  undo: 'M9 14 4 9l5-5M4 9h10a6 6 0 0 1 0 12h-3',
  redo: 'm15 14 5-5-5-5M20 9H10a6 6 0 0 0 0 12h3',
  dice: 'M5 3h14a2 2 0 0 1 2 2v14a2 2 0 0 1-2 2H5a2 2 0 0 1-2-2V5a2 2 0 0 1 2-2zM8.5 8.5h.01M15.5 8.5h.01M12 12h.01M8.5 15.5h.01M15.5 15.5h.01',
  lock: 'M6 11h12a1 1 0 0 1 1 1v8a1 1 0 0 1-1 1H6a1 1 0 0 1-1-1v-8a1 1 0 0 1 1-1zM8 11V7a4 4 0 0 1 8 0v4',
  unlock: 'M6 11h12a1 1 0 0 1 1 1v8a1 1 0 0 1-1 1H6a1 1 0 0 1-1-1v-8a1 1 0 0 1 1-1zM8 11V7a4 4 0 0 1 7.8-1',
  picture: 'M4 4h16v16H4zM4 16l5-5 4 4 3-3 4 4M15 9h.01',
  start: 'M12 3v12m0 0 4-4m-4 4-4-4M4 17v4h16v-4',
  peel: 'M5 4c1 9 6 15 15 15-4 3-17 2-17-11 0-2 1-4 2-4z',
  layers: 'm12 3 9 5-9 5-9-5 9-5zM3 13l9 5 9-5',
  gallery: 'M3 3h8v8H3zM13 3h8v8h-8zM3 13h8v8H3zM13 13h8v8h-8z',
  keep: 'M6 3h12v18l-6-5-6 5z',
  export: 'M12 15V3m0 0 4 4m-4-4L8 7M4 15v6h16v-6',
  copy: 'M8 8h12v12H8zM4 16V4h12',
  bin: 'M4 7h16M9 7V4h6v3M6 7l1 14h10l1-14',
  eye: 'M2 12s4-7 10-7 10 7 10 7-4 7-10 7S2 12 2 12zM12 9a3 3 0 1 0 0 6 3 3 0 0 0 0-6z',
  hidden: 'M4 4l16 16M10 6c6-1 10 3 12 6-1 1-2 3-4 4M6 8c-2 1-3 3-4 4 2 3 6 7 12 6',
  up: 'm6 15 6-6 6 6',
  down: 'm6 9 6 6 6-6',
  camera: 'M4 8h4l2-3h4l2 3h4v11H4zM12 10a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7z',
  person: 'M12 4a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM4 21c0-5 4-7 8-7s8 2 8 7',
  plus: 'M12 5v14M5 12h14',
  minus: 'M5 12h14',
  close: 'M5 5l14 14M19 5 5 19',
  brush: 'M20 4 9 15M9 15c-3 0-4 2-4 4-1 1-2 1-2 1 4 2 9 1 9-3z',
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}
