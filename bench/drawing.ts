// What the measures share: their options, and one picture through a pipeline.
import type { Pipeline } from '../src/draw/text-to-image.ts';
import type { GenerateOptions } from '../src/draw/request.ts';
import type { Image } from '../src/image/image.ts';

export interface MeasureOptions {
  preset: string;
  /** The model's file. */
  model: string;
  quick: boolean;
  threads?: number;
  /** Of the soak: how long, and how many pictures at least. */
  seconds?: number;
  pictures?: number;
}

export const threadsOf = ({ threads }: MeasureOptions) => (threads === undefined ? {} : { threads });
export const peak = () => process.resourceUsage().maxRSS * 1024;

/** One picture through the pipeline: the picture and the seconds of each stage. */
export async function draw(
  pipeline: Pipeline,
  options: GenerateOptions,
): Promise<{ image: Image; seconds: { text: number; denoise: number; render: number } }> {
  let image: Image | undefined;
  for await (const event of pipeline.generate({ preview: 0, seed: 1, ...options })) {
    if (event.type === 'image') ({ image } = event);
    if (event.type === 'done') return { image: image!, seconds: event.seconds };
  }
  throw new Error('the pipeline drew nothing');
}
