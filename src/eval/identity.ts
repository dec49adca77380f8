// Subjects: are the figures of a scene those of the reference pictures? Scenes of 1 to 5 figures, each known to the model from a picture
// with another expression; what the reader of characters finds in the model's picture is assigned to the references as well as it can
// be, and then asked: is it that one and nobody else, does it have something of another's (bleeding), or is the reference copied?
import { sample } from '../data/dataset.ts';
import type { DataOptions, Sample } from '../data/sample.ts';
import { random } from '../util/random.ts';
import { float32, type Tensor } from '../tensor/tensor.ts';
import { assign } from './assign.ts';
import { ATTRIBUTES, type Attribute } from './judges/characters.ts';
import { crops, sizeOfPicture, squareAround } from './judges/crop.ts';
import { average, psnrOverWhite } from './metrics.ts';
import { firstOf, type Judges } from './judges/judges.ts';
import type { Box } from './rule.ts';
import { renderOf, type Draw, type Miss, type Suite, type Variant } from './suite.ts';

export const MOST_SUBJECTS = 5;
/** Figures of the same maker among which one must be recognised, itself included: as the reader's own accuracy is measured. */
const CROWD = 32;
/** A figure as similar as this to its reference, in dB over white, is a copy of it: stated with the rate of real scenes beside it. */
const COPY = 25;
/** Side at which pixels are compared. */
const COMPARED = 64;
/** What belongs to a figure whoever drew it and however it looks at one. */
const LASTING = ATTRIBUTES.filter((a) => a !== 'maker' && a !== 'expression');

/** A picture of somebody, and where they are in it, if that is known. */
interface Reference {
  readonly svg: string;
  readonly box?: Box | undefined;
}

/** A prompt with reference pictures. */
export interface SubjectScene {
  readonly subjects: number;
  readonly index: number;
  readonly caption: string;
  /** A right picture, and its size in units: a square, or a wide one where a square has no room. */
  readonly svg: string;
  readonly width: number;
  readonly height: number;
  /** The word of the maker. */
  readonly maker: string;
  /** By subject, from left to right: slot and picture that the model is given, and the expression that is asked for. */
  readonly references: readonly (Reference & { readonly slot: number })[];
  /** Where they are in the right picture. */
  readonly boxes: readonly Box[];
  readonly expressions: readonly string[];
}

function* characters(data: DataOptions, seed: number, [width, height]: readonly [number, number] = [256, 256]): Generator<Sample> {
  const options: DataOptions = {
    ...data,
    mix: { single: 0, scene: 0, character: 1 },
    aspects: [[width, height, 1]],
    subjects: 1,
    split: 'test',
  };
  for (let i = 0; ; i++) yield sample(seed, i, options);
}

/** A wide picture in which five have room, of those that the model is trained on. */
const wideOf = ({ aspects }: DataOptions) =>
  aspects
    .map(([w, h]): [number, number] => [w, h])
    .filter(([w, h]) => w / h > 1.2 && w / h <= 2)
    .sort((a, b) => b[0] / b[1] - a[0] / a[1])[0];

/**
 * `count` scenes of each number of subjects, fewer where the data has no such scenes. Figures and expressions are held out.
 * `makers`: the words of those who draw them; default all.
 */
export function subjectScenes(data: DataOptions, count: number, seed: number, makers?: ReadonlySet<string>): SubjectScene[] {
  const wide = wideOf(data);
  const some = (size: [number, number], from: number, to: number): SubjectScene[] => {
    const found = new Map(Array.from({ length: to - from + 1 }, (_, i): [number, SubjectScene[]] => [from + i, []]));
    let tries = 0;
    for (const { subjects = [], objects, caption, svg, style } of characters(data, seed, size)) {
      if ([...found.values()].every((list) => list.length >= count) || tries++ > 100 * count) break;
      const list = found.get(subjects.length);
      if (!list || list.length >= count || objects.length !== subjects.length || makers?.has(style) === false) continue;
      const expressions = objects.map((o) => o.concept.split(':').at(-1)!);
      const references = subjects.map(({ slot, referenceSvg, referenceBox: box }) => ({ slot, svg: referenceSvg, box }));
      list.push({
        subjects: subjects.length,
        index: list.length,
        caption,
        svg,
        width: size[0],
        height: size[1],
        maker: style,
        references,
        boxes: objects.map((o) => o.box),
        expressions,
      });
    }
    return [...found.values()].flat();
  };
  return [...some([256, 256], 1, MOST_SUBJECTS - 1), ...(wide ? some(wide, MOST_SUBJECTS, MOST_SUBJECTS) : [])];
}

/** Reference pictures of other figures, by maker. */
function crowdsOf(data: DataOptions, makers: ReadonlySet<string>, seed: number): Map<string, Reference[]> {
  const found = new Map([...makers].map((maker): [string, Reference[]] => [maker, []]));
  for (const { subjects, style } of characters(
    data,
    random(seed)
      .split('crowd')
      .integer(2 ** 31),
  )) {
    if ([...found.values()].every((list) => list.length >= CROWD - 1)) break;
    const list = found.get(style);
    if (subjects && list && list.length < CROWD - 1) list.push({ svg: subjects[0]!.referenceSvg, box: subjects[0]!.referenceBox });
  }
  return found;
}

/** A figure as the reader saw it. */
export interface Figure {
  readonly box: Box;
  readonly identity: readonly number[];
  readonly words: Readonly<Record<Attribute, string>>;
  /** PSNR beside each reference in dB, over white, the better of both ways round. */
  readonly likeness: readonly number[];
}

/** Everybody in a picture: in these boxes, else where the detector finds somebody. */
export async function figuresOf(
  judges: Judges,
  picture: Tensor,
  references: readonly { picture: Tensor; box: Box }[] = [],
  boxes?: readonly Box[],
): Promise<Figure[]> {
  const cut = (p: Tensor, box: Box) => crops([[p, squareAround(box, sizeOfPicture(p), 1)]], COMPARED);
  const others = references.map(({ picture: p, box }) => cut(p, box)).map((c) => [c, turned(c)]);
  return (await judges.readCharacters(picture, boxes)).map(({ box, identity, attributes }) => {
    const own = cut(picture, box);
    return {
      box,
      identity: Array.from(identity),
      words: Object.fromEntries(ATTRIBUTES.map((a) => [a, judges.classes.attributes[a][firstOf(attributes[a])]!])) as Figure['words'],
      likeness: others.map((ways) => Math.min(99, Math.max(...ways.map((way) => psnrOverWhite(own, way))))),
    };
  });
}

/** A picture (1, H, W, 4), left for right. */
function turned({ shape, data }: Tensor): Tensor<'float32'> {
  const [, H, W] = shape as [number, number, number];
  const out = new Float32Array(data.length);
  for (let i = 0; i < H * W; i++) {
    const from = (i - (i % W) + (W - 1 - (i % W))) * 4;
    for (let c = 0; c < 4; c++) out[i * 4 + c] = data[from + c] as number;
  }
  return float32(shape, out);
}

const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, x, i) => sum + x * b[i]!, 0);

/** What became of one subject. */
export interface SubjectVerdict {
  /** A figure was found for it. */
  readonly found: boolean;
  /** That figure is liker to this reference than to the others' and to everybody in the crowd. */
  readonly match: boolean;
  /** Attributes that others have otherwise, and of these how many this figure has from another. */
  readonly chances: number;
  readonly bled: number;
  /** It has the expression that was asked for; undefined where nothing was found. */
  readonly asked?: boolean;
  /** It has the reference's expression instead. */
  readonly kept?: boolean;
  /** It is the reference, pixel for pixel but for little. */
  readonly copied?: boolean;
}

/** Assigns what was found to the references, and judges each subject. `crowd`: identities of others of the maker. */
export function judgeSubjects(
  figures: readonly Figure[],
  references: readonly Figure[],
  expressions: readonly string[],
  crowd: readonly (readonly number[])[],
): SubjectVerdict[] {
  const own = assign(references.map((r) => figures.map((f) => dot(r.identity, f.identity))));
  return references.map((reference, i) => {
    const figure = own[i]! < 0 ? undefined : figures[own[i]!];
    const others = references.filter((_, j) => j !== i);
    if (!figure) return { found: false, match: false, chances: 0, bled: 0 };
    const likeness = dot(figure.identity, reference.identity);
    const rivals = [...others.map((r) => r.identity), ...crowd].map((identity) => dot(figure.identity, identity));
    const foreign = (a: Attribute) => others.map((r) => r.words[a]).filter((word) => word !== reference.words[a]);
    const chances = LASTING.filter((a) => foreign(a).length > 0);
    const { expression } = figure.words;
    return {
      found: true,
      match: rivals.every((r) => r < likeness),
      chances: chances.length,
      bled: chances.filter((a) => foreign(a).includes(figure.words[a])).length,
      asked: expression === expressions[i],
      kept: expression !== expressions[i] && expression === reference.words.expression,
      copied: figure.likeness[i]! >= COPY,
    };
  });
}

/** Shares; NaN where there was nothing to tell. */
export interface IdentityScore {
  readonly subjects: number;
  /** Of all subjects: a figure was found, and it is that one. */
  readonly found: number;
  readonly match: number;
  /** Of the attributes that could have come from another subject. */
  readonly bleeding: number;
  /** Of the found ones: the expression asked for, the reference's instead, and near copies of its pixels. */
  readonly asked: number;
  readonly kept: number;
  readonly copied: number;
}
/** By number of subjects. */
export type IdentityResult = Readonly<
  Record<number, { readonly scenes: number; readonly real: IdentityScore; readonly drawn: IdentityScore }>
>;

function scoreOf(list: readonly SubjectVerdict[]): IdentityScore {
  const found = list.filter((v) => v.found);
  const share = (of: readonly SubjectVerdict[], right: (v: SubjectVerdict) => boolean) => average(of.map((v) => Number(right(v))));
  const sum = (f: (v: SubjectVerdict) => number) => list.reduce((total, v) => total + f(v), 0);
  return {
    subjects: list.length,
    found: found.length / list.length,
    match: share(list, (v) => v.match),
    bleeding: sum((v) => v.bled) / sum((v) => v.chances),
    asked: share(found, (v) => v.asked === true),
    kept: share(found, (v) => v.kept === true),
    copied: share(found, (v) => v.copied === true),
  };
}

/** A picture as a square for the judges: what is above a wide one is its top row, so that busts stay on the lower edge. */
function squared(picture: Tensor): Tensor {
  const [W, H] = sizeOfPicture(picture);
  return W === H ? picture : crops([[picture, [0, H - W, W]]], W);
}

/** A box of a picture in the square that `squared` makes of it. */
function squaredBox([x, y, w, h]: Box, [width, height]: readonly [number, number]): Box {
  const share = height / width;
  return [x, y * share + 1 - share, w, h * share];
}

/** A picture, and where its figures are if the model says so. */
async function drawnBy(variant: Variant, ...asked: Parameters<Draw>): Promise<{ picture: Tensor; boxes?: readonly Box[] }> {
  return variant.place ? variant.place(...asked) : { picture: await variant.draw(...asked) };
}

/** Draws each scene once; one of which a picture cannot be drawn, or whose references show nobody to the reader, is left out. */
export async function measureIdentity(
  suite: Suite,
  variant: Variant,
  scenes: readonly SubjectScene[],
  data: DataOptions,
  seed: number,
): Promise<{ result: IdentityResult; misses: Miss[] }> {
  const { judges, judgesKey, ledger, side } = suite;
  const known = ({ svg, box }: Reference) =>
    ledger.recall({ ...judgesKey, what: 'reference', side, svg, ...(box && { box: box.join() }) }, async () => {
      const picture = await renderOf(suite, svg);
      return (picture && (await figuresOf(judges, picture, [], box && [box]))[0]) ?? null;
    });
  /** The figures of a picture of a scene: all judges see squares. */
  const inSquare = (picture: Tensor, given: readonly { picture: Tensor; box: Box }[], boxes?: readonly Box[]) =>
    figuresOf(
      judges,
      squared(picture),
      given,
      boxes?.map((box) => squaredBox(box, sizeOfPicture(picture))),
    );
  const crowds = crowdsOf(data, new Set(scenes.map((s) => s.maker)), seed);
  const [sets, misses]: [Map<number, { real: SubjectVerdict[][]; drawn: SubjectVerdict[][] }>, Miss[]] = [new Map(), []];
  for (const [i, scene] of scenes.entries()) {
    const { subjects, caption, svg, width, height, references, expressions, maker, index } = scene;
    const read = await Promise.all(references.map(known));
    const crowd = (await Promise.all(crowds.get(maker)!.map(known))).flatMap((f) => (f ? [f.identity] : []));
    if (read.every((f) => f !== null)) {
      const size = { width: (width * side) / 256, height: (height * side) / 256 };
      const given = async () =>
        Promise.all(references.map(async ({ slot, svg: own }, k) => ({ slot, picture: (await renderOf(suite, own))!, box: read[k]!.box })));
      const whom = references.map((r) => `${r.slot} ${r.svg}`).join();
      const real = await ledger.recall({ ...judgesKey, what: 'figures', side, svg, references: whom, boxes: 'true' }, async () => {
        const picture = await renderOf(suite, svg, size);
        return picture ? inSquare(picture, await given(), scene.boxes) : null;
      });
      if (real) {
        const drawn = await ledger.recall(
          {
            ...variant.key,
            ...judgesKey,
            what: 'figures',
            prompt: caption,
            seed: index,
            references: whom,
            ...(variant.place && { boxes: 'own' }),
          },
          async () => {
            const pictures = await given();
            const { picture, boxes } = await drawnBy(variant, caption, index, { references: pictures, ...size });
            return inSquare(picture, pictures, boxes);
          },
        );
        const [right, verdicts] = [real, drawn].map((figures) => judgeSubjects(figures, read, expressions, crowd)) as [
          SubjectVerdict[],
          SubjectVerdict[],
        ];
        const list = sets.get(subjects) ?? { real: [], drawn: [] };
        list.real.push(right);
        list.drawn.push(verdicts);
        sets.set(subjects, list);
        const matches = verdicts.filter((v) => v.match).length;
        if (matches < subjects)
          misses.push({
            part: 'identity',
            caption,
            seed: index,
            svg,
            references,
            ...size,
            why: `${matches} of ${subjects} recognised`,
            nearness: matches / subjects,
          });
      }
    }
    suite.progress('identity', i + 1, scenes.length);
  }
  return {
    result: Object.fromEntries(
      [...sets].map(([n, { real, drawn }]) => [n, { scenes: real.length, real: scoreOf(real.flat()), drawn: scoreOf(drawn.flat()) }]),
    ),
    misses,
  };
}
