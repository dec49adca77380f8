// What is in a picture, seen by judges of our own: a detector (boxes of whatever stands out, and the background), a classifier
// of what lies in a box (concept and style), the colour of it, and a reader of characters. All are trained on real renders only
// (recipes/6-judges.ts), live in one file, and carry the accuracy that was measured on renders that they have not seen, so that it
// can be printed beside every score. This file is what the house suite programs against.
import type { ColourName } from '../../data/colour.ts';
import type { Runtime, Session } from '../../runtime/runtime.ts';
import { readSafetensors, writeSafetensors } from '../../disk/files.ts';
import { float32, tensor, type Tensor, type Tensors } from '../../tensor/tensor.ts';
import { fromHalves, toHalf } from '../../util/float16.ts';
import { InputError } from '../../util/errors.ts';
import { FIGURE, readerStage, type Attribute, type TraitClasses } from './characters.ts';
import { CROP, classifierStage, DRAWINGS, readings } from './classifier.ts';
import { colourIn } from './colours.ts';
import { crops, sizeOfPicture, squareAround, wholes } from './crop.ts';
import { boxesOf, DETECTOR, detectorStage } from './detector.ts';
import type { Box, FoundBox } from '../rule.ts';

/** The words that the judges tell apart; probabilities are in the same order. */
export interface JudgeClasses {
  /** Code points, and what people call them. */
  readonly concept: readonly string[];
  readonly labels: readonly string[];
  /** The words of the sprite styles. */
  readonly style: readonly string[];
  /** The drawings that the classifier knows: the numbers of concept and style of each. */
  readonly drawings: readonly (readonly [concept: number, style: number])[];
  /** 'white', 'transparent', 'plain red', ..., 'meadow', ...: as `backgroundClass` names them. */
  readonly background: readonly string[];
  /** Of characters: the words of each attribute; 'none' where a figure has no such part. */
  readonly attributes: TraitClasses;
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
  readonly detector: {
    readonly precision: number;
    readonly recall: number;
    readonly f1: number;
    readonly background: number;
    readonly scenes: number;
    readonly objects: number;
  };
  /** With the true boxes, and with the detector's (an object that it missed counts as wrong). */
  readonly classifier: Readonly<
    Record<
      'trueBoxes' | 'foundBoxes',
      { readonly concept: number; readonly concept5: number; readonly style: number; readonly count: number }
    >
  >;
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

/** A detected thing is at least so sure: the best F1 on scenes that were neither trained nor tested on. */
export const SURE = 0.45;
/** Crops a run of the classifier or of the reader. */
const BATCH = 64;

/** Opens the judges of a file. */
export async function openJudges(runtime: Runtime, { classes, weights, accuracy, training }: JudgesFile): Promise<Judges> {
  const stages = {
    detector: detectorStage(classes.background.length),
    classifier: classifierStage(classes.drawings.length),
    reader: readerStage(classes.attributes),
  };
  const open = ({ graph, specs }: (typeof stages)['detector']) =>
    runtime.compile(graph, { weights: Object.fromEntries([...specs.keys()].map((k) => [k, weights[k]!])) });
  const [detector, classifier, reader] = [await open(stages.detector), await open(stages.classifier), await open(stages.reader)];

  /** Squares around the boxes through a session, in batches: its outputs' rows for each box. */
  async function through(
    session: Session,
    picture: Tensor,
    boxes: readonly Box[],
    { side, margin }: { side: number; margin: number },
  ): Promise<Record<string, Float32Array>[]> {
    const size = sizeOfPicture(picture);
    const rows: Record<string, Float32Array>[] = [];
    for (let first = 0; first < boxes.length; first += BATCH) {
      const part = boxes.slice(first, first + BATCH);
      const out = await session.run({
        crop: crops(
          part.map((box) => [picture, squareAround(box, size, margin)]),
          side,
        ),
      });
      part.forEach((_, i) => rows.push(Object.fromEntries(Object.entries(out).map(([key, t]) => [key, rowOf(t, i)]))));
    }
    return rows;
  }

  const [conceptOf, styleOf] = [0, 1].map((k) => classes.drawings.map((d) => d[k]!)) as [number[], number[]];
  const judges: Judges = {
    classes,
    accuracy,
    training,
    async detect(pictures) {
      const found: Found[] = [];
      for (let first = 0; first < pictures.length; first += BATCH / 2) {
        const part = pictures.slice(first, first + BATCH / 2);
        const { heat, boxes, background } = await detector.run({ picture: wholes(part, DETECTOR.side) });
        part.forEach((_, i) =>
          found.push({ objects: boxesOf(rowOf(heat!, i), rowOf(boxes!, i), SURE), background: rowOf(background!, i) }),
        );
      }
      return found;
    },
    async classify(picture, boxes) {
      const rows = await through(
        classifier,
        picture,
        boxes.map((b) => b.box),
        CROP,
      );
      return boxes.map((found, i) => {
        const colour = colourIn(picture, found.box);
        const { drawing } = rows[i] as { drawing: Float32Array };
        return {
          ...found,
          concept: readings(drawing, conceptOf, classes.concept.length),
          style: readings(drawing, styleOf, classes.style.length),
          ...(colour && { colour }),
        };
      });
    },
    async find(picture) {
      const [found] = await judges.detect([picture]);
      return { objects: await judges.classify(picture, found!.objects), background: found!.background };
    },
    async readCharacters(picture, boxes) {
      const wanted = boxes ?? (await judges.detect([picture]))[0]!.objects.map((o) => o.box);
      const rows = await through(reader, picture, wanted, FIGURE);
      return wanted.map((box, i) => {
        const { identity, ...attributes } = rows[i]!;
        return { box, identity: identity!, attributes: attributes as Record<Attribute, Float32Array> };
      });
    },
    async release() {
      for (const session of [detector, classifier, reader]) await session.release();
    },
  };
  return judges;
}

/** Row `i` of a batch, flat. */
function rowOf({ shape, data }: Tensor, i: number): Float32Array {
  const size = data.length / shape[0]!;
  return (data as Float32Array).slice(i * size, (i + 1) * size);
}

/** Classes by probability: the place of the most likely. */
export function firstOf(probabilities: Float32Array): number {
  return probabilities.indexOf(Math.max(...probabilities));
}

/**
 * The same judges in a smaller world: only these concepts (code points) and styles (words) can be seen. Their accuracy is another
 * there, and must be measured again.
 */
export function within(
  { classes, weights, training }: Omit<JudgesFile, 'accuracy'>,
  concepts: readonly string[],
  styles: readonly string[],
): Omit<JudgesFile, 'accuracy'> {
  const kept = classes.drawings.flatMap(([c, s], row) => {
    const [concept, style] = [concepts.indexOf(classes.concept[c]!), styles.indexOf(classes.style[s]!)];
    return concept < 0 || style < 0 ? [] : [{ row, drawing: [concept, style] as const }];
  });
  const table = weights[DRAWINGS]!;
  const width = table.shape[1]!;
  const rows = new Float32Array(kept.length * width);
  kept.forEach(({ row }, i) => rows.set((table.data as Float32Array).subarray(row * width, (row + 1) * width), i * width));
  const labels = concepts.map((hex) => classes.labels[classes.concept.indexOf(hex)] ?? hex);
  return {
    classes: { ...classes, concept: concepts, labels, style: styles, drawings: kept.map((k) => k.drawing) },
    weights: { ...weights, [DRAWINGS]: float32([kept.length, width], rows) },
    training,
  };
}

const FORMAT = 'banana-judges-1';

/** Writes judges, their weights as float16. */
export async function saveJudges(path: string, { weights, ...facts }: JudgesFile): Promise<void> {
  const halves = Object.entries(weights).map(([key, t]) => [
    key,
    tensor('float16', t.shape, Uint16Array.from(t.data as Float32Array, toHalf)),
  ]);
  await writeSafetensors(path, Object.fromEntries(halves) as Tensors, { format: FORMAT, judges: JSON.stringify(facts) });
}

/** Reads judges. Throws InputError when the file holds none. */
export async function loadJudges(path: string): Promise<JudgesFile> {
  const { tensors, metadata } = await readSafetensors(path);
  if (metadata.format !== FORMAT || !metadata.judges)
    throw new InputError(
      'judges.format',
      `${path} holds no judges (format "${metadata.format ?? 'none'}", expected "${FORMAT}"): train them with npx tsx recipes/6-judges.ts`,
    );
  const weights = Object.entries(tensors).map(([key, t]) => [key, float32(t.shape, fromHalves(t.data as Uint16Array))]);
  return { ...(JSON.parse(metadata.judges) as Omit<JudgesFile, 'weights'>), weights: Object.fromEntries(weights) as Tensors };
}
