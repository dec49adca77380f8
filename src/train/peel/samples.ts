// What the training of a Peel looks at: what the base draws (to be kept), the loss on pictures held out, samples to see.
import { resizeImage, tensorToImage, WHITE, type Image } from '../../image/image.ts';
import { encodePng } from '../../image/png-encode.ts';
import { NO_PEELS, type PeelStack } from '../../adapters/stack.ts';
import { breathe } from '../../runtime/engine.ts';
import type { Condition, Painter } from '../../models/family.ts';
import { noiseOf, numbersOf, type Layout } from '../../models/layout.ts';
import { noised, pictureOf } from '../../sampling/path.ts';
import { random, type Random } from '../../util/random.ts';
import type { Bucket, EncodedPicture, PeelFamily } from './family.ts';
import { SAMPLED, type PeelRow } from './program.ts';

/** Noises that the held-out loss looks at. */
const NOISES = 4;
const THUMBNAIL = 128; // pixels
/** Side of a sample; of a model that draws with few tokens, half of it. */
const [SIDE, FEW_TOKENS] = [256, 50];

export interface Sample {
  readonly stage: 'before' | 'during' | 'after';
  readonly label: string;
  readonly image: Image;
}

/** The latent that a model draws for a text, in so many steps. */
async function sampled(
  { sampler, times, info }: Painter,
  condition: Condition,
  layout: Layout,
  rng: Random,
  steps = info.defaultSteps,
): Promise<Float32Array<ArrayBuffer>> {
  let latent = new Float32Array(numbersOf(layout));
  const velocity = condition.velocity(layout, { guidance: info.guidance });
  for await (const step of sampler(velocity, noiseOf(rng.split('noise'), layout), times(steps), rng.split('steps'))) latent = step.latent;
  return latent;
}

/** The latent that the base draws for a text in a layout. */
export async function drawnLatent(painter: Painter, text: string, layout: Layout, rng: Random): Promise<Float32Array<ArrayBuffer>> {
  return sampled(painter, await painter.read(text, [], NO_PEELS), layout, rng.split(text));
}

/** What the base draws for a caption, and what it sees at the beginning and on the way: rows whose target is its own prediction. */
export async function priorRows(
  painter: Painter,
  { tokenizer, config, priorSteps }: Pick<PeelFamily, 'tokenizer' | 'config' | 'priorSteps'>,
  { layout }: Bucket,
  caption: string,
  rng: Random,
): Promise<PeelRow[]> {
  const { guidance } = painter.info;
  const condition = await painter.read(caption, [], NO_PEELS);
  const velocity = condition.velocity(layout, { guidance });
  const predict = async (noisy: Float32Array<ArrayBuffer>, t: number): Promise<PeelRow> => ({
    caption: tokenizer.encode(caption, config.text.length),
    noisy,
    t,
    target: pictureOf(noisy, await velocity(noisy, t), t),
  });
  const first = await predict(rng.normals(numbersOf(layout)), SAMPLED[0]);
  const t = rng.pick(SAMPLED.slice(1));
  const drawn = priorSteps > 1 ? await sampled(painter, condition, layout, rng.split('drawn'), priorSteps) : first.target;
  return [first, await predict(noised(drawn, rng.normals(drawn.length), t), t)];
}

/** Mean squared distance from what is predicted to what was held out, over the sampler's times and some noises. */
export async function heldOutLoss(
  painter: Painter,
  peels: PeelStack,
  pictures: readonly EncodedPicture[],
  say: (caption: string) => string,
  rng: Random,
): Promise<number> {
  let [total, count] = [0, 0];
  for (const [p, { variants }] of pictures.entries()) {
    const { latent, caption, bucket } = variants.at(-1)!;
    const condition = await painter.read(say(caption), [], peels);
    const velocity = condition.velocity(bucket.layout, { guidance: painter.info.guidance });
    for (let n = 0; n < NOISES; n++) {
      const noise = rng.split(`${p}:${n}`).normals(latent.length);
      for (const t of SAMPLED) {
        const noisy = noised(latent, noise, t);
        const seen = pictureOf(noisy, await velocity(noisy, t), t);
        total += seen.reduce((sum, x, i) => sum + (x - latent[i]!) ** 2, 0) / latent.length;
        count++;
      }
    }
    await breathe();
  }
  return total / count;
}

/** Four prompts: captions of the pictures, the held-out one among them where there is one, and two that have nothing to do with them. */
export function samplePrompts(
  learned: readonly EncodedPicture[],
  heldOut: readonly EncodedPicture[],
  say: (caption: string) => string,
): string[] {
  const own = [learned[0], heldOut[0] ?? learned[1]].filter((p) => p !== undefined).map((p) => p.variants.at(-1)!.caption);
  return [...own, 'a house', 'a cat'].slice(0, 4).map(say);
}

/** A picture over white as a model draws it, plainly: for samples and measurements. */
export async function drawPicture(
  painter: Painter,
  prompt: string,
  peels: PeelStack,
  { seed, steps, side }: { seed: number; steps: number; side: number },
): Promise<Image> {
  const size = { width: side, height: side };
  const condition = await painter.read(prompt, [], peels);
  const layout = condition.layout(size, 1);
  const drawing = await painter.decode(await sampled(painter, condition, layout, random(seed), steps), layout);
  return tensorToImage(await drawing.render({ x: 0, y: 0, ...size }, size), { background: WHITE });
}

/** Each prompt in 4 steps and in 1. */
export async function drawSamples(
  painter: Painter,
  peels: PeelStack,
  prompts: readonly string[],
  stage: Sample['stage'],
): Promise<Sample[]> {
  const side = painter.info.tokens >= FEW_TOKENS || painter.layering ? SIDE : SIDE / 2;
  const samples: Sample[] = [];
  for (const [seed, prompt] of prompts.entries())
    for (const steps of [4, 1]) {
      samples.push({ stage, label: `${prompt} (${steps})`, image: await drawPicture(painter, prompt, peels, { seed, steps, side }) });
      await breathe();
    }
  return samples;
}

/** A small copy of a picture as a data URL. */
export async function thumbnail(one: Image): Promise<string> {
  const bytes = await encodePng(resizeImage(one, THUMBNAIL, THUMBNAIL));
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return `data:image/png;base64,${btoa(text)}`;
}
