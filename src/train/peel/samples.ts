// What the training of a Peel looks at: what the base draws (to be kept), the loss on pictures held out, samples to see.
import { resizeImage, tensorToImage, WHITE, type Image } from '../../image/image.ts';
import { encodePng } from '../../image/png-encode.ts';
import { breathe } from '../../runtime/engine.ts';
import { SAMPLED, type PeelRow } from './program.ts';
import { noised } from '../../sampling/path.ts';
import type { Random } from '../../util/random.ts';
import type { Model } from '../../models/banana/file.ts';
import type { Networks } from '../../models/banana/networks.ts';
import type { Bucket, EncodedPicture } from './pictures.ts';
import { baseTokens } from '../../models/banana/config.ts';
import { openSampler, promptIds } from '../sample.ts';

/** Noises that the held-out loss looks at. */
const NOISES = 4;
const THUMBNAIL = 128; // pixels

export interface Sample {
  readonly stage: 'before' | 'during' | 'after';
  readonly label: string;
  readonly image: Image;
}

export type PriorRow = PeelRow & { readonly guidance: number };

/** What the base draws for a caption, and what it sees in it at the sampler's times: rows whose target is its own prediction. */
export async function priorRows(
  networks: Networks,
  { tokenizer, config, manifest }: Omit<Model, 'weights'>,
  bucket: Bucket,
  caption: string,
  rng: Random,
): Promise<PriorRow[]> {
  const guidance = manifest.guidance;
  const velocity = networks.velocity(await networks.condition(promptIds(tokenizer, caption, config.text.length)), bucket, { guidance });
  const size = bucket.rows * bucket.columns * config.channels;
  const predict = async (noisy: Float32Array<ArrayBuffer>, t: number): Promise<PriorRow> => {
    const v = await velocity(noisy, t);
    return {
      caption: tokenizer.encode(caption, config.text.length),
      noisy,
      t,
      target: Float32Array.from(v, (x, i) => noisy[i]! - t * x),
      weight: 1,
      guidance,
    };
  };
  const first = await predict(rng.normals(size), 1);
  const t = rng.pick(SAMPLED.slice(1));
  return [first, await predict(noised(first.target, rng.normals(size), t), t)];
}

/** Mean squared distance from what is predicted to what was held out, over the sampler's times and some noises. */
export async function heldOutLoss(
  networks: Networks,
  { tokenizer, config, manifest }: Omit<Model, 'weights'>,
  pictures: readonly EncodedPicture[],
  say: (caption: string) => string,
  rng: Random,
): Promise<number> {
  let [total, count] = [0, 0];
  for (const [p, { bucket, variants }] of pictures.entries()) {
    const { latent, caption } = variants.at(-1)!;
    const condition = await networks.condition(promptIds(tokenizer, say(caption), config.text.length));
    const velocity = networks.velocity(condition, bucket, { guidance: manifest.guidance });
    for (let n = 0; n < NOISES; n++) {
      const noise = rng.split(`${p}:${n}`).normals(latent.length);
      for (const t of SAMPLED) {
        const noisy = noised(latent, noise, t);
        const v = await velocity(noisy, t);
        let sum = 0;
        for (let i = 0; i < latent.length; i++) sum += (noisy[i]! - t * v[i]! - latent[i]!) ** 2;
        total += sum / latent.length;
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

/** Each prompt in 4 steps and in 1. */
export async function drawSamples(
  networks: Networks,
  { tokenizer, config, manifest }: Omit<Model, 'weights'>,
  prompts: readonly string[],
  stage: Sample['stage'],
): Promise<Sample[]> {
  const draw = openSampler(networks, tokenizer);
  const side = Math.round(Math.sqrt(baseTokens(config))) >= 8 ? 256 : 128;
  const samples: Sample[] = [];
  for (const [i, prompt] of prompts.entries())
    for (const steps of [4, 1]) {
      const pixels = await draw({ prompt, seed: i, steps, guidance: manifest.guidance, kind: 'student', width: side, height: side });
      samples.push({ stage, label: `${prompt} (${steps})`, image: tensorToImage(pixels, { background: WHITE }) });
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
