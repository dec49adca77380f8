// banana-sdk/ai: a provider for the AI SDK's generateImage (https://ai-sdk.dev), by version 3 of its specification of image models, which
// its packages 6 and 7 take. Only its types are used here. What this model cannot do of what generateImage knows becomes a warning;
// what only this model knows comes in providerOptions.banana and is checked as any request.
import type { ImageModelV3, ImageModelV3CallOptions, ImageModelV3File, ProviderV3, SharedV3Warning } from '@ai-sdk/provider';
import { decodeImage, type ImageFormat } from '../disk/codec.ts';
import { checkOptions } from '../draw/check.ts';
import type { ImageEvent } from '../draw/events.ts';
import { LIMITS, type GenerateOptions } from '../draw/request.ts';
import { alphaMask, isOpaque, type Image } from '../image/image.ts';
import { DISPOSE, type Banana } from '../sdk/banana.ts';
import { InputError } from '../util/errors.ts';
import { openBanana, pictureFile } from './banana.ts';
import type { OpenBananaOptions } from './options.ts';

const NAME = 'banana';

/** What `providerOptions.banana` may say: the options of a picture that generateImage has no word for, and the kind of file. */
export interface BananaImageOptions
  extends Omit<GenerateOptions, 'prompt' | 'count' | 'seed' | 'image' | 'mask' | 'references' | 'preview' | 'layers'> {
  readonly format?: ImageFormat;
  /** 1 to 100 (90), of JPEG and WebP. */
  readonly quality?: number;
}

export interface BananaProvider extends ProviderV3, AsyncDisposable {
  /** A model by preset, path or org/name; '' or nothing: the shipped one. It is opened when it first draws. */
  (modelId?: string): ImageModelV3;
  imageModel(modelId?: string): ImageModelV3;
  /** Closes all models that were opened. */
  close(): Promise<void>;
}

/** A provider whose models are opened with these options. */
export function createBanana(options: Omit<OpenBananaOptions, 'model' | 'signal'> = {}): BananaProvider {
  const opened = new Map<string, Promise<Banana>>();
  const open = (model: string): Promise<Banana> => {
    const known = opened.get(model) ?? openBanana({ ...options, ...(model !== '' && { model }) });
    opened.set(model, known);
    known.catch(() => opened.delete(model));
    return known;
  };
  const imageModel = (modelId = '') => imageModelOf(() => open(modelId), modelId || 'default');
  const close = async () => {
    const all = [...opened.values()];
    opened.clear();
    for (const one of all) await (await one.catch(() => undefined))?.close();
  };
  const methods = { imageModel, languageModel: none, embeddingModel: none, specificationVersion: 'v3' as const, close, [DISPOSE]: close };
  return Object.assign((modelId?: string) => imageModel(modelId), methods);
}

/** The provider with everything as it comes. */
export const banana: BananaProvider = createBanana();

function none(modelId: string): never {
  throw new InputError('model.unknown', `there is no "${modelId}" here: banana-sdk draws pictures, ask imageModel()`);
}

/** An image model of the AI SDK that draws with an opened banana. */
export function imageModelOf(open: () => Promise<Pick<Banana, 'model' | 'generate'>>, modelId: string): ImageModelV3 {
  return {
    specificationVersion: 'v3',
    provider: NAME,
    modelId,
    maxImagesPerCall: LIMITS.count, // several calls would have one seed, and so the same pictures
    async doGenerate(asked) {
      const { model, generate } = await open();
      const warnings: SharedV3Warning[] = [];
      const { format = 'png', quality, ...own } = (asked.providerOptions[NAME] ?? {}) as BananaImageOptions;
      const request = { ...own, ...(await requestOf(asked, model.abilities, warnings)), preview: 0 };
      const images: Uint8Array[] = [];
      const told: ReturnType<typeof toldOf>[] = [];
      let tokens = 0;
      for await (const event of generate({ ...request, ...(asked.abortSignal && { signal: asked.abortSignal }) })) {
        if (event.type === 'text') {
          ({ tokens } = event);
          if (event.truncated > 0)
            warnings.push({ type: 'other', message: `the model does not see the end of the prompt: "${event.cut}"` });
        }
        if (event.type !== 'image') continue;
        images.push(await pictureFile(event, format, quality === undefined ? {} : { quality }));
        told.push(toldOf(event));
      }
      const outputTokens = images.length * model.tokens;
      return {
        images,
        warnings,
        providerMetadata: { [NAME]: { images: told } },
        response: { timestamp: new Date(), modelId, headers: undefined },
        usage: { inputTokens: tokens, outputTokens, totalTokens: tokens + outputTokens },
      };
    },
  };
}

/** What is said of a picture beside its file; its seed makes it again alone. */
const toldOf = ({ text, recipe: { seed, steps, width, height } }: ImageEvent) => ({ seed, steps, width, height, revisedPrompt: text });

/** The request that a call makes. What cannot be is left out with a warning. */
async function requestOf(
  { prompt = '', n, size, aspectRatio, seed, files = [], mask }: ImageModelV3CallOptions,
  abilities: readonly string[],
  warnings: SharedV3Warning[],
): Promise<GenerateOptions> {
  const unsupported = (feature: string, details: string) => void warnings.push({ type: 'unsupported', feature, details });
  const possible = (feature: string, option: object): object => {
    try {
      checkOptions({ prompt: '-', ...option });
      return option;
    } catch (error) {
      unsupported(feature, (error as Error).message);
      return {};
    }
  };
  const [width, height] = size?.split('x').map(Number) ?? [];
  if (size && aspectRatio) unsupported('aspectRatio', 'size says it already');
  const canStart = abilities.includes('image');
  if (!canStart && (files.length > 0 || mask)) unsupported('files', 'the model cannot start from a picture');
  const [first, ...subjects] = canStart ? await pixelsOf(files, unsupported) : [];
  const [painted] = first && mask ? await pixelsOf([mask], unsupported) : [];
  if (subjects.length > 0 && !abilities.includes('references')) unsupported('files', 'the model knows no subjects: only the first is used');
  return {
    prompt,
    count: n,
    ...(size && possible('size', { width, height })),
    ...(!size && aspectRatio && possible('aspectRatio', { aspect: aspectRatio })),
    ...(seed !== undefined && possible('seed', { seed })),
    ...(first && { image: first }),
    ...(painted && { mask: isOpaque(painted) ? painted : alphaMask(painted) }),
    ...(subjects.length > 0 && abilities.includes('references') && { references: subjects.map((image, i) => ({ slot: i + 1, image })) }),
  };
}

/** The pictures of files; nothing is fetched from an address. */
async function pixelsOf(files: readonly ImageModelV3File[], unsupported: (feature: string, details: string) => void): Promise<Image[]> {
  const found: Image[] = [];
  for (const file of files)
    if (file.type === 'url') unsupported('files', 'a URL is not opened here: give the bytes');
    else found.push(await decodeImage(typeof file.data === 'string' ? Buffer.from(file.data, 'base64') : file.data));
  return found;
}
