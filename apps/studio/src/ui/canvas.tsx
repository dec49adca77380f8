// The picture on a canvas, at its own size in pixels; the page scales it.
import type { Image } from 'banana-sdk/web';
import { useEffect, useRef } from 'preact/hooks';

/** Puts a picture on a canvas. */
export function paint(canvas: HTMLCanvasElement, { width, height, data }: Image): void {
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  canvas.getContext('2d')!.putImageData(new ImageData(new Uint8ClampedArray(data), width, height), 0, 0);
}

export function Canvas({ image, label, ...rest }: { image: Image; label: string; class?: string; id?: string }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => paint(canvas.current!, image), [image]);
  return <canvas ref={canvas} role="img" aria-label={label} {...rest} />;
}
