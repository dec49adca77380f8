// What a pipeline tells while it works, in order: text, then for each picture step and preview (in turn), render, image;
// done comes last. Everything here can be structured-cloned: events cross from the engine's process as they are.
import type { Image } from '../image/image.ts';
import type { BoxShares } from './object-options.ts';
import type { Recipe } from './recipe.ts';

/** Seconds that each stage took so far, over all pictures of the request. */
export interface StageSeconds {
  /** Reading the prompt, and the picture to start from. */
  readonly text: number;
  readonly denoise: number;
  /** Decoding and drawing, previews included. */
  readonly render: number;
}

/** The prompt was read. */
export interface TextEvent {
  readonly type: 'text';
  /** What the model was told: the prompt with style and background. */
  readonly text: string;
  /** Tokens that it saw, and how many were too many. */
  readonly tokens: number;
  readonly truncated: number;
  /** The end of the prompt that it did not see; '' when it saw all. Never what options and Peels added. */
  readonly cut: string;
}

/** One step of the sampler is done. */
export interface StepEvent {
  readonly type: 'step';
  /** Picture of the request, from 0. */
  readonly index: number;
  /** From 1. */
  readonly step: number;
  readonly steps: number;
}

/** What the picture would be now, small. */
export interface PreviewEvent {
  readonly type: 'preview';
  readonly index: number;
  readonly step: number;
  readonly steps: number;
  readonly image: Image;
}

/** A tile of the picture is drawn. */
export interface RenderEvent {
  readonly type: 'render';
  readonly index: number;
  /** Tiles drawn, of how many. */
  readonly tile: number;
  readonly tiles: number;
  /** Whole rows of the picture, from row `y`, of `of`, that this tile completed: to be encoded while others are drawn. Not given when something is still to be put over them (a mask). */
  readonly rows?: { readonly y: number; readonly of: number; readonly image: Image };
}

/** A layer of a picture: laid over one another, back to front, they are the picture. */
export interface PictureLayer {
  /** What it is: "canvas", "object 2", or the prompt that it was drawn by. */
  readonly name: string;
  /** 0 is what is behind everything; else which thing of the prompt it is, from 1. */
  readonly slot: number;
  /** x, y, width and height of what is visible of it, as shares of the picture; it may reach beyond it. */
  readonly box: BoxShares;
  /** How high it lies among the objects, 0 the lowest to 1 the highest, where that is known. */
  readonly z?: number;
  /** Where its image lies in the picture, in pixels; it may reach beyond it. */
  readonly x: number;
  readonly y: number;
  /** All of it, transparent around what it shows. */
  readonly image: Image;
}

/** A picture with its layers, back to front. */
export interface Layered extends Pick<ImageEvent, 'image' | 'metadata'> {
  readonly layers: readonly PictureLayer[];
}

/** A picture is ready. */
export interface ImageEvent {
  readonly type: 'image';
  readonly index: number;
  readonly image: Image;
  readonly recipe: Recipe;
  /** What the model was told. */
  readonly text: string;
  /** false where files of it are to hold neither the recipe nor the mark that a model made it. */
  readonly metadata?: false;
  /** Back to front, where they were asked for. */
  readonly layers?: readonly PictureLayer[];
}

/** What a file of a picture is made of. */
export type Drawn = Pick<ImageEvent, 'image' | 'recipe' | 'text' | 'metadata'>;

/** All pictures are ready. */
export interface DoneEvent {
  readonly type: 'done';
  readonly count: number;
  readonly seconds: StageSeconds;
}

export type GenerateEvent = TextEvent | StepEvent | PreviewEvent | RenderEvent | ImageEvent | DoneEvent;
