// What a family of models gives to the training of Peels: its pictures as latents, the loss of a step, and how it draws meanwhile. The loop and
// all around it know nothing else of it. Which family a model is of: families.ts.
import type { TrainingPicture } from '../../disk/pictures.ts';
import type { LayersConfig } from '../../models/layers/config.ts';
import type { Painter, PainterOptions } from '../../models/family.ts';
import type { Layout } from '../../models/layout.ts';
import type { Specs } from '../../nn/scope.ts';
import type { BlocksOf } from '../../quant/bind.ts';
import type { Plan } from '../../quant/plan.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import type { LazyTensors } from '../../tensor/lazy.ts';
import type { Tensors } from '../../tensor/tensor.ts';
import type { Tokenizer } from '../../tokenizer/tokenizer.ts';
import type { Random } from '../../util/random.ts';
import type { PeelRow, PeelStep, PeelStepOptions } from './program.ts';

/** Pictures of one shape, which one program trains. */
export interface Bucket {
  /** Tells it from others. */
  readonly name: string;
  /** Of their latents. */
  readonly layout: Layout;
}

/** A way in which a picture may be shown, with what to say of it. */
export interface Variant {
  readonly bucket: Bucket;
  readonly latent: Float32Array;
  readonly caption: string;
}

export interface EncodedPicture {
  /** At least one; the last is how it is looked at where it is held out. */
  readonly variants: readonly Variant[];
}

/** What pictures are encoded with besides themselves. */
export interface EncodeOptions {
  /** Shows them mirrored too. */
  readonly flips: boolean;
  readonly rng: Random;
}

export interface PeelFamily {
  readonly config: LayersConfig;
  readonly weights: Tensors | LazyTensors;
  readonly plan: Plan | undefined;
  readonly blocks: BlocksOf | undefined;
  readonly tokenizer: Tokenizer;
  /** Style words of the base. */
  readonly styles: readonly string[];
  adaptable(): Specs;
  /** The base, to draw and to see with. */
  painter(runtime: Runtime, options: PainterOptions): Promise<Painter>;
  /** The latents of pictures, one picture at a time. */
  encode(pictures: readonly TrainingPicture[], painter: Painter, options: EncodeOptions): AsyncGenerator<EncodedPicture>;
  /** Steps in which the base draws what it must not forget; a student sees it in one. */
  readonly priorSteps: number;
  /** A time to train at. */
  time(rng: Random): number;
  /** The step for pictures of a bucket. */
  step(bucket: Bucket, options: PeelStepOptions): PeelStep;
  /** Its feeds. */
  feeds(rows: readonly PeelRow[], bucket: Bucket): Tensors;
}
