// What is asked for, and every state that it had: one line of states for the whole studio, so that undo takes back anything. A change
// with the same key as the one before it, soon after it, replaces it: a sentence that is typed is one step and not forty.
import { computed, signal, type ReadonlySignal } from '@preact/signals';

export interface History<T> {
  readonly now: ReadonlySignal<T>;
  readonly canUndo: ReadonlySignal<boolean>;
  readonly canRedo: ReadonlySignal<boolean>;
  /** Changes some of it; changes with the same `key` that follow one another within a second are one. */
  change(patch: Partial<T>, key?: string): void;
  undo(): void;
  redo(): void;
}

const STATES_MAX = 500;
/** Milliseconds. */
const TOGETHER = 1000;

export function openHistory<T extends object>(first: T, clock: () => number = () => performance.now()): History<T> {
  const states = signal<readonly T[]>([first]);
  const at = signal(0);
  let last = { key: '', time: -Infinity };
  return {
    now: computed(() => states.value[at.value]!),
    canUndo: computed(() => at.value > 0),
    canRedo: computed(() => at.value < states.value.length - 1),
    change(patch, key = '') {
      const current = states.value[at.value]!;
      if (Object.entries(patch).every(([name, value]) => current[name as keyof T] === value)) return;
      const joins =
        key !== '' && key === last.key && clock() - last.time < TOGETHER && at.value > 0 && at.value === states.value.length - 1;
      last = { key, time: clock() };
      const kept = states.value.slice(Math.max(0, at.value + 2 - STATES_MAX), at.value + (joins ? 0 : 1));
      states.value = [...kept, { ...current, ...patch }];
      at.value = states.value.length - 1;
    },
    undo() {
      last.key = '';
      if (at.value > 0) at.value--;
    },
    redo() {
      last.key = '';
      if (at.value < states.value.length - 1) at.value++;
    },
  };
}
