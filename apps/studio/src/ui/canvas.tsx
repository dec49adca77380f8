// The picture on a canvas, at its own size in pixels; the page scales it.
import type { Image } from 'banana-sdk/web';
import { useEffect, useRef } from 'preact/hooks';

/** Puts a picture on a canvas. */
export function paint(canvas: HTMLCanvasElement, image: Image): void {
  const { width, height } = image;
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  put(canvas.getContext('2d')!, image);
}

/** Puts the pixels of a picture into a context of its size. */
export const put = (context: CanvasRenderingContext2D, { width, height, data }: Image): void =>
  context.putImageData(new ImageData(new Uint8ClampedArray(data), width, height), 0, 0);

/** What is on the canvas: a picture, or what paints one of this size. */
export interface Painting {
  readonly width: number;
  readonly height: number;
  paint(context: CanvasRenderingContext2D): void;
}

/** A canvas that is painted anew when the painting is another one. */
export function Painted({ painting, label, ...rest }: { painting: Painting; label: string; class?: string; id?: string }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const { width, height, paint } = painting;
    if (canvas.current!.width !== width || canvas.current!.height !== height) Object.assign(canvas.current!, { width, height });
    paint(canvas.current!.getContext('2d')!);
  }, [painting]);
  return <canvas ref={canvas} role="img" aria-label={label} {...rest} />;
}

export function Canvas({ image, label, ...rest }: { image: Image; label: string; class?: string; id?: string }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => paint(canvas.current!, image), [image]);
  return <canvas ref={canvas} role="img" aria-label={label} {...rest} />;
}
