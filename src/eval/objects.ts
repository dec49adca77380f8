// What is in a picture, seen by judges of our own: a detector (boxes of whatever stands out, and the background), a classifier
// of what lies in a box (concept and style), the colour of it, and a reader of characters. All are trained on real renders only
// (train-judges.ts), live in one file, and carry the accuracy that was measured on renders that they have not seen, so that it
// can be printed beside every score. This file is what the house suite programs against.
import type { ColourName } from '../data/colour.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { Tensor, Tensors } from '../tensor/tensor.ts';
import type { Attribute } from './characters.ts';
import type { Box } from './rule.ts';

/** The words that the judges tell apart; probabilities are in the same order. */
export interface JudgeClasses {
  /** Code points, and what people call them. */
  readonly concept: readonly string[];
  readonly labels: readonly string[];
  /** The words of the sprite styles. */
  readonly style: readonly string[];
  /** 'white', 'transparent', 'plain red', ..., 'meadow', ...: as `backgroundClass` names them. */
  readonly background: readonly string[];
  /** Of characters: the words of each attribute; 'none' where a figure has no such part. */
  readonly attributes: Readonly<Record<Attribute, readonly string[]>>;
}

/** A detected thing. */
export interface FoundBox {
  readonly box: Box;
  /** How sure the detector is, 0 to 1. */
  readonly score: number;
}

/** What lies in a box. */
export interface FoundObject extends FoundBox {
  /** Probability of each class. */
  readonly concept: Float32Array;
  readonly style: Float32Array;
  /** What most of it is painted in, and the share of it that is; undefined where nothing differs from the background. */
  readonly colour?: { readonly colour: ColourName; readonly share: number };
}

/** Boxes of a picture, most certain first, and the probability of each background class. */
export interface Found {
  readonly objects: readonly FoundBox[];
  readonly background: Float32Array;
}

/** A character: the probability of each word by attribute, and who it is. */
export interface FoundCharacter {
  readonly attributes: Readonly<Record<Attribute, Float32Array>>;
  /** Of length 1; the dot product of two is near 1 for the same figure, also with another expression. */
  readonly identity: Float32Array;
}

/** Measured on real renders of other seeds. Shares are 0 to 1. */
export interface JudgeAccuracy {
  /** Boxes at IoU 0.5, and the background of the same scenes. */
  readonly detector: { readonly precision: number; readonly recall: number; readonly f1: number; readonly background: number; readonly scenes: number; readonly objects: number };
  /** With the true boxes, and with the detector's (an object that it missed counts as wrong). */
  readonly classifier: Readonly<Record<'trueBoxes' | 'foundBoxes', { readonly concept: number; readonly concept5: number; readonly style: number; readonly count: number }>>;
  /** Recoloured simple objects on any background whose colour is named rightly, true boxes. */
  readonly colour: { readonly right: number; readonly count: number };
  /** By attribute; `identity`: a figure with another expression on another background is nearest to itself among 32 of its maker. */
  readonly characters: { readonly attributes: Readonly<Record<Attribute, number>>; readonly identity: number; readonly count: number };
}

export interface JudgesFile {
  readonly classes: JudgeClasses;
  readonly weights: Tensors;
  readonly accuracy: JudgeAccuracy;
  /** How each judge was trained, in words. */
  readonly training: Readonly<Record<string, string>>;
}

/** Judges, ready. Pictures are (1, H, W, 4) premultiplied in [-1, 1], square, of any size from 64; boxes are fractions of them. */
export interface Judges {
  readonly classes: JudgeClasses;
  readonly accuracy: JudgeAccuracy;
  readonly training: JudgesFile['training'];
  /** Boxes and background of each picture. */
  detect(pictures: readonly Tensor[]): Promise<Found[]>;
  /** What lies in the boxes of one picture. */
  classify(picture: Tensor, boxes: readonly FoundBox[]): Promise<FoundObject[]>;
  /** Both: everything in a picture, most certain first. */
  find(picture: Tensor): Promise<{ readonly objects: FoundObject[]; readonly background: Float32Array }>;
  /** The characters in the boxes of one picture; without boxes, those that the detector finds. From left to right as given. */
  readCharacters(picture: Tensor, boxes?: readonly Box[]): Promise<(FoundCharacter & { readonly box: Box })[]>;
  release(): Promise<void>;
}

/** Opens the judges of a file. */
export declare function openJudges(runtime: Runtime, file: JudgesFile): Promise<Judges>;
/** Writes judges, their weights as float16. */
export declare function saveJudges(path: string, file: JudgesFile): Promise<void>;
/** Reads judges. Throws InputError when the file holds none. */
export declare function loadJudges(path: string): Promise<JudgesFile>;
