// The few things that the page does to its elements.
import type { Image } from '../../src/web/index.ts';

/** The element with this id, which index.html has. */
export const at = <T extends HTMLElement = HTMLElement>(id: string): T => document.getElementById(id) as T;

export const show = (id: string, text: string): void => void (at(id).textContent = text);

/** A picture on a canvas, at its own size. */
export function paint(canvas: HTMLCanvasElement, { width, height, data }: Image): void {
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  canvas.getContext('2d')!.putImageData(new ImageData(new Uint8ClampedArray(data), width, height), 0, 0);
}
