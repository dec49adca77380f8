// What a family of models gives, so that one pipeline draws with all of them: to recognise its files, to say what a model can do, and
// the stages of a picture - a prompt read, a latent stepped along the straight path (sampling/path.ts), pixels from it at any size.
// Everything around that is the pipeline's: checks, seeds, noise, steps, previews, tiles, cancelling, recipes. A network that was trained
// on another path, or predicts something else, says it as a velocity. A family is a folder here and a name in families.ts.
import type { BaseId } from '../adapters/info.ts';
import type { FitPeel } from '../adapters/peel.ts';
import type { PeelStack } from '../adapters/stack.ts';
import type { Image, Size, Tile } from '../image/image.ts';
import type { Specs } from '../nn/scope.ts';
import type { Precision } from '../quant/precision.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { Known } from '../sampling/clamp.ts';
import type { Sampler, Velocity } from '../sampling/sampler.ts';
import type { Outline } from '../tensor/safetensors.ts';
import type { Tensor, Tensors } from '../tensor/tensor.ts';
import type { Weights } from '../tensor/weights.ts';
import type { Box as Share, Layout } from './layout.ts';

/** What not every model can do. `image`: start from a picture, with a mask or without. */
export type Ability = 'image' | 'references' | 'peels' | 'guidance' | 'negative' | 'transparent' | 'layers';

/** What a model can do and how it is asked, as its file says before anything computes. */
export interface ModelAbout {
  readonly family: string;
  readonly abilities: readonly Ability[];
  /** Words that `style` may be. */
  readonly styles: readonly string[];
  /** Numbers of steps that it draws in, few first. */
  readonly steps: readonly number[];
  /** Those that it takes when none are asked for. */
  readonly defaultSteps: number;
  /** Guidance scale when none is asked for. */
  readonly guidance: number;
  /** Latent tokens of a 512x512 picture. */
  readonly tokens: number;
  /** Tokens of a text that it reads, start and end included. */
  readonly promptTokens: number;
  /** Side of the square that it reads pictures of subjects as; 0 where it cannot. */
  readonly referencePixels: number;
}

/** What a model is and can do. */
export interface ModelInfo extends BaseId, ModelAbout {
  /** Name of the runtime that it runs on. */
  readonly runtime: string;
  /** How weights are multiplied; left out of a model of a server that was not open yet. */
  readonly precision?: Precision;
}

/**
 * What a model lies in: one .safetensors, or a folder of several, of which only heads are in memory. In a folder of a pipeline's parts the
 * name of a tensor begins with the folder of its part, "unet/conv_in.weight", or the name of a file beside those folders.
 */
export interface ModelFile {
  readonly tensors: ReadonlyMap<string, Outline>;
  /** The free strings in the heads. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Reads a tensor, or rows `from` to before `to` of it, each time anew. */
  read(name: string, rows?: readonly [from: number, to: number]): Tensor;
  /** The same tensors for who can wait, where they cannot be read at once (at an address). */
  readonly weights?: Weights;
  /** The text of a file beside the weights, by its path there ("unet/config.json"); undefined where there is none. */
  text(path: string): string | undefined;
}

/** A model's tensors and texts in another layout of files. */
export interface Relaid {
  readonly weights: Weights;
  /** By path. */
  readonly texts: ReadonlyMap<string, string>;
}

export interface Family {
  readonly name: string;
  /** Whether its models are put together from files of several places, which a person lays in one folder. */
  readonly assembled?: boolean;
  /** Whether a file is one of its models, damaged or not, by what its head says. */
  recognises(file: Pick<ModelFile, 'metadata' | 'tensors' | 'text'>): boolean;
  /** Reads what is needed to say what it is. Throws InputError naming `source` for one that is damaged or too old. */
  open(file: ModelFile, source: string): OpenedModel;
}

/** A network of a model and the tensors of its file, for a look at what a model consists of. */
export interface ModelPart {
  readonly name: string;
  /** Names of the tensors that it asks for, and of those that are there. */
  readonly asked: readonly string[];
  readonly found: readonly string[];
  /** How the files hold them ("BF16"), and how many numbers they are. */
  readonly stored: readonly string[];
  readonly numbers: number;
}

/** A model of which a file is open, before there is anything that computes. */
export interface OpenedModel {
  /** Its networks, of a model that was put together from files of others. */
  parts?(): readonly ModelPart[];
  /** Names of the tensors that may be held in few bits, of a model that can be imported (container.ts). */
  roundable?(): ReadonlySet<string>;
  /** The layout in which it is imported, and in which `roundable` names tensors, where that is not its own. */
  relaid?(): Relaid;
  /** What Peels can do to it, of a family that takes them. */
  readonly peels?: PeelTarget;
  readonly id: Omit<BaseId, 'hash'>;
  readonly about: ModelAbout;
  /** Makes it ready to draw. Throws InputError for weights that do not fit, RuntimeError when the runtime fails. */
  painter(runtime: Runtime, options: PainterOptions): Promise<Painter>;
}

/** A model that Peels can change. */
export interface PeelTarget {
  /** Makes Peels of files for the model of this name. */
  fitter(base: BaseId): FitPeel;
  /** Of a model that takes those of our own format. */
  readonly own?: OwnPeels;
}

export interface OwnPeels {
  /** The weights that they can change. */
  adaptable(): Specs;
  /** The file of a copy with a stack baked in, under another name, and its licence. */
  merged(stack: PeelStack, name: string): { tensors: Tensors; metadata: Record<string, string>; licence: string };
}

export interface PainterOptions {
  /** SHA-256 of the file, or of the hashes of a folder's files, the first 16 hexadecimal digits. */
  readonly hash: string;
  /** Default: as is fastest on the runtime. */
  readonly precision?: Precision;
  /** For training: nothing is run before it is asked for, and 4-bit products leave activations as they are. */
  readonly training?: boolean;
}

/** A model that is ready. */
export interface Painter {
  readonly info: ModelInfo;
  /** Tokens that a text has for it, start and end included, read or not. */
  tokensIn(text: string): number;
  /** Reads a prompt, of which no more than `promptTokens` are seen, with its subjects and Peels, and what is not to be there. */
  read(text: string, references: readonly ReferencePicture[], peels: PeelStack, negative?: string): Promise<Condition>;
  readonly sampler: Sampler;
  /** The times of a number of steps: one more than steps, from 1 (noise) to 0 (picture). */
  times(steps: number): readonly number[];
  /** Of a model that can start from a picture. */
  readonly encoder?: Encoder;
  /** Of a model that draws in layers. */
  readonly layering?: Layering;
  /** The picture of a latent. */
  decode(latent: Float32Array<ArrayBuffer>, layout: Layout): Promise<Drawing>;
  /** A rough picture of a latent, where `decode` takes as long as a step: for previews, but the last. */
  glance?(latent: Float32Array<ArrayBuffer>, layout: Layout): Promise<Drawing>;
  /** Gives back memory that drawing pixels does not need; taken again when it is needed. */
  rest?(): Promise<void>;
  /** Makes a Peel of a file, of a model that takes them. */
  readonly fitPeel?: FitPeel;
  release(): Promise<void>;
}

/** A picture of a subject that the prompt names by its slot. */
export interface ReferencePicture {
  readonly slot: number;
  /** A square of `referencePixels`. */
  readonly image: Image;
  /** Tells it from others. */
  readonly hash: string;
}

/** Which layers a caller asks for. */
export interface AskedLayers {
  /** So many objects, or as many as the prompt says where there may be more. */
  readonly least: number;
  readonly more: boolean;
  /** Whether anything is behind them; left out: the prompt says. */
  readonly canvas?: boolean;
}

/** A prompt that was read. */
export interface Condition {
  /** What the denoiser reads of it, for a look at a model's health. */
  readonly states?: Tensors;
  /** The parts of a picture of it. `detail` is a share of the full number of tokens, above 0 to 1. */
  layout(size: Size, detail: number, layers?: AskedLayers): Layout;
  /** Throws the signal's reason once it is aborted, within some 25 ms of work. */
  velocity(layout: Layout, options: { readonly guidance: number; readonly signal?: AbortSignal }): Velocity;
}

/** Makes latents of pictures. */
export interface Encoder {
  /** Pixels along the side of a token. */
  readonly pixels: number;
  /** The one part that a picture to start from is. */
  layout(size: Size, detail: number): Layout;
  /** From (1, H, W, 4), premultiplied in [-1, 1], sides multiples of `pixels`: rows * columns * channels. */
  encode(picture: Tensor): Promise<Float32Array>;
}

/** What is known of a layer of a picture before it is drawn. */
export interface KnownLayer {
  /** 0 the canvas, else which thing of the prompt it is, from 1. */
  readonly slot: number;
  /** Where its visible art stands, as shares of the picture. */
  readonly box?: Share;
  /** How high it lies, 0 the lowest to 1 the highest. */
  readonly z?: number;
  /** What it shows, of any size, transparent around it; for the canvas, all of it in the shape of the picture. */
  readonly image?: Image;
}

/** What a model that draws in layers can be told, and its renderer alone. */
export interface Layering {
  /** What layers that are known are in a latent. */
  known(layers: readonly KnownLayer[], layout: Layout, size: Size): Known;
  /** A small picture, to be drawn at any size: its whole is the drawing's whole. */
  sharpen(small: Image): Drawing;
}

/** Where a layer lies in a picture, in whole pixels; it may reach beyond the picture. */
export type Box = Tile;

/** A layer of a picture: what it shows at the picture's size, transparent around it. */
export interface LayerDrawing {
  /** 0 is what is behind everything; else which thing of the prompt it is, from 1. */
  readonly slot: number;
  /** How high it lies among the objects, 0 the lowest to 1 the highest, where the family says so. */
  readonly z?: number;
  box(size: Size): Box;
  /** Its pixels at a size, where they are given and not drawn. */
  image?(size: Size): Image | undefined;
  /** One tile of the layer's own box: (1, height, width, 4), premultiplied around [-1, 1]. Whoever asks may change it. */
  render(tile: Tile, size: Size): Promise<Tensor>;
}

/** Is shown a tile of a layer's own box; the pixels are another's as soon as it returns. */
export type Seen = (layer: LayerDrawing, tile: Tile, pixels: Tensor) => void;

/** A picture of which any number of pixels can be drawn. */
export interface Drawing {
  /** Its layers, back to front, of a model that draws in layers. */
  readonly layers?: readonly LayerDrawing[];
  /**
   * (1, height, width, 4), premultiplied around [-1, 1]: one tile of the whole picture at some size. `seen`, of a model that draws in layers,
   * is told of each piece of a layer that it drew for it.
   */
  render(tile: Tile, size: Size, seen?: Seen): Promise<Tensor>;
}
