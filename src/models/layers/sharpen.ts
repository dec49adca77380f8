// The renderer alone: a small picture drawn at any size. A piece of the picture is looked at at a time, with as much around it as the
// convolutions see, so that memory does not grow with the picture.
import { cutImage, imageToTensor, type Image, type Tile } from '../../image/image.ts';
import { float32 } from '../../tensor/tensor.ts';
import { MARGIN } from './level-sets.ts';
import type { Drawing } from '../family.ts';
import type { LayerNetworks } from './networks.ts';
import type { LevelMap } from './levels.ts';

/** Side of a piece, in pixels of the small picture. */
const PIECE = 128;
/** Pixels around a piece that its own depend on: what the convolutions see, and the neighbours that are mixed. */
const AROUND = MARGIN + 3;

/** What is looked at for a piece: its pixels with those around them, and where they begin. */
interface Piece extends Tile {
  readonly maps: Promise<LevelMap>;
}

/** A small picture, to be drawn at any size. What is at its edge goes on beyond it. */
export function sharpened(networks: LayerNetworks, small: Image): Drawing {
  let last: { key: string; piece: Piece } | undefined;
  const pieceAt = (column: number, row: number): Piece => {
    const key = `${column},${row}`;
    if (last?.key !== key) last = { key, piece: look(networks, small, column * PIECE, row * PIECE) };
    return last.piece;
  };
  return {
    async render(tile, size) {
      const scale = size.width / small.width;
      const out = new Float32Array(tile.width * tile.height * 4);
      for (const rows of cuts(tile.y, tile.height, scale, small.height))
        for (const columns of cuts(tile.x, tile.width, scale, small.width)) {
          const { x, y, maps } = pieceAt(columns.piece, rows.piece);
          const part = { x: columns.from - x * scale, y: rows.from - y * scale, width: columns.count, height: rows.count };
          const { data } = networks.pixels(await maps, part, scale);
          for (let line = 0; line < rows.count; line++) {
            const to = ((rows.from - tile.y + line) * tile.width + columns.from - tile.x) * 4;
            out.set((data as Float32Array).subarray(line * columns.count * 4, (line + 1) * columns.count * 4), to);
          }
        }
      return float32([1, tile.height, tile.width, 4], out);
    },
  };
}

function look(networks: LayerNetworks, small: Image, left: number, top: number): Piece {
  const [x, y] = [Math.max(0, left - AROUND), Math.max(0, top - AROUND)];
  const [width, height] = [Math.min(small.width, left + PIECE + AROUND) - x, Math.min(small.height, top + PIECE + AROUND) - y];
  const pixels = imageToTensor(cutImage(small, { x, y, width, height })).data as Float32Array;
  const maps = networks.maps([{ pixels, width, height }], { exact: true, around: 'edge' }).then(([found]) => found!);
  return { x, y, width, height, maps };
}

/** A run of pixels cut where pieces end: each with its piece. The last piece takes what lies beyond the picture. */
function cuts(start: number, count: number, scale: number, side: number): { piece: number; from: number; count: number }[] {
  const found: { piece: number; from: number; count: number }[] = [];
  const most = Math.ceil(side / PIECE) - 1;
  for (let from = start; from < start + count; ) {
    const piece = Math.min(most, Math.max(0, Math.floor((from + 0.5) / scale / PIECE)));
    const end = piece === most ? Infinity : Math.ceil((piece + 1) * PIECE * scale - 0.5);
    const next = Math.min(start + count, Math.max(from + 1, end));
    found.push({ piece, from, count: next - from });
    from = next;
  }
  return found;
}
