// The options of AUTOMATIC1111's web interface that mean something here, as a table like our own. Its clients send dozens of others with
// every request; those are ignored, as its server does with what it does not know.
// https://github.com/AUTOMATIC1111/stable-diffusion-webui/blob/master/modules/api/models.py
import * as z from 'zod/mini';
import { decimal, flag, inWords, isObject, text, whole, type Option, type Options, type Schema } from '../draw/option.ts';
import { checked } from '../draw/refusal.ts';
import type { ModelInfo } from '../models/family.ts';
import { optionsOf, type GenerateOptions, type Limits } from '../draw/request.ts';

const CODE = { code: 'options.webui' };
const STEPS_MAX = 150;
const GUIDANCE_MAX = 30;

/** A list of texts. */
const texts = (most: number): Pick<Option, 'schema' | 'expected' | 'is' | 'refuse' | 'range'> => ({
  schema: z.array(z.string()).check(z.maxLength(most)) as Schema,
  expected: 'a list of texts',
  is: Array.isArray,
  range: `at most ${most}`,
  refuse: (path) => `${path}: expected at most ${most} texts`,
});

/** Settings for one request. */
const settings = (): Pick<Option, 'schema' | 'expected' | 'is' | 'refuse'> => ({
  schema: z.looseObject({ enable_pnginfo: z.optional(z.boolean()) }) as Schema,
  expected: 'an object such as { "enable_pnginfo": false }',
  is: isObject,
  refuse: (path) => `${path}: expected an object such as { "enable_pnginfo": false }`,
});

/** The options of a request within limits. */
export function webuiOptions(limits: Limits): Options {
  const { prompt, width, height, metadata } = optionsOf(limits);
  const side = { default: 512, otherwise: undefined as never };
  return {
    prompt: { ...prompt, about: `${prompt.about}; so does <lora:NAME:WEIGHT>` },
    negative_prompt: { ...text(), about: 'what is not to be there; changes nothing where the model knows no negative prompts', ...CODE },
    styles: { ...texts(8), about: 'the first that the model knows as a style is used', ...CODE },
    seed: { ...whole(-1, Number.MAX_SAFE_INTEGER - 1), about: 'picture i has seed + i; -1: one at random', default: -1, ...CODE },
    steps: {
      ...whole(1, STEPS_MAX),
      about: `steps; as many of ${inWords(limits.steps)} as fit are made`,
      otherwise: 'the most',
      ...CODE,
    },
    cfg_scale: { ...decimal(0, GUIDANCE_MAX), about: 'how closely to follow the prompt', otherwise: "the model's own", ...CODE },
    width: { ...width, ...side },
    height: { ...height, ...side },
    batch_size: { ...whole(1, limits.count), about: 'pictures of a batch', default: 1, ...CODE },
    n_iter: { ...whole(1, limits.count), about: 'batches', default: 1, ...CODE },
    init_images: { ...texts(16), about: 'the first is the picture to start from, in base64', ...CODE },
    mask: { ...text(), about: 'white where to repaint, in base64', ...CODE },
    inpainting_mask_invert: { ...whole(0, 1), about: '1: the mask is black where to repaint', default: 0, ...CODE },
    denoising_strength: { ...decimal(0, 1), about: 'how much of the picture may change', default: 0.75, ...CODE },
    metadata,
    override_settings: { ...settings(), about: 'enable_pnginfo: false is metadata: false', ...CODE },
    send_images: { ...flag(), about: 'whether the answer holds the pictures', otherwise: 'true', ...CODE },
  };
}

/** A request, understood; pictures are still texts. */
export interface WebuiRequest {
  readonly options: Omit<GenerateOptions, 'image' | 'mask' | 'references'>;
  readonly image: string | undefined;
  readonly mask: string | undefined;
  readonly invert: boolean;
  readonly send: boolean;
  /** What was asked for and is known here. */
  readonly given: Readonly<Record<string, unknown>>;
}

interface Found extends Pick<GenerateOptions, 'width' | 'height' | 'seed'> {
  readonly prompt: string;
  readonly negative_prompt?: string;
  readonly styles?: readonly string[];
  readonly steps?: number;
  readonly cfg_scale?: number;
  readonly batch_size?: number;
  readonly n_iter?: number;
  readonly init_images?: readonly string[];
  readonly mask?: string;
  readonly inpainting_mask_invert?: number;
  readonly denoising_strength?: number;
  readonly metadata?: boolean;
  readonly override_settings?: { readonly enable_pnginfo?: boolean };
  readonly send_images?: boolean;
}

type ReadingModel = Pick<ModelInfo, 'styles' | 'abilities' | 'guidance'>;

/** Reads a request. Throws InputError with the option's path. What is null is left out. */
export function readWebui(body: unknown, limits: Limits, { styles, abilities, guidance: usual }: ReadingModel): WebuiRequest {
  const table = webuiOptions(limits);
  const isOurs = ([name, value]: [string, unknown]) => Object.hasOwn(table, name) && value !== null;
  const given =
    typeof body === 'object' && body !== null && !Array.isArray(body) ? Object.fromEntries(Object.entries(body).filter(isOurs)) : body;
  const found = checked(table, given, { name: 'the request', example: '{ "prompt": "a fox" }' }) as unknown as Found;
  const { prompt, width = 512, height = 512, seed = -1, cfg_scale: guidance, batch_size = 1, n_iter = 1, init_images = [], mask } = found;
  const style = found.styles?.find((word) => styles.includes(word));
  const [image] = init_images;
  const negative = abilities.includes('negative') && (guidance ?? usual) > 1 ? found.negative_prompt : undefined;
  const options = {
    prompt: prompt,
    ...(negative && { negative }),
    width,
    height,
    count: batch_size * n_iter,
    steps: stepsWithin(found.steps ?? STEPS_MAX, limits.steps),
    ...(style !== undefined && { style }),
    ...(seed >= 0 && { seed }),
    ...(guidance !== undefined && { guidance: Math.min(guidance, 20) }),
    metadata: found.metadata ?? found.override_settings?.enable_pnginfo ?? true,
    ...(image !== undefined && { strength: found.denoising_strength ?? 0.75 }),
  };
  const { mask: _, init_images: __, ...rest } = given as Record<string, unknown>;
  return { options, image, mask, invert: found.inpainting_mask_invert === 1, send: found.send_images ?? true, given: rest };
}

/** The most steps that there are and that are not more than asked for; else the fewest. */
const stepsWithin = (asked: number, steps: readonly number[]): number => Math.max(Math.min(...steps), ...steps.filter((n) => n <= asked));
