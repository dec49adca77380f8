// The parts of a model in its files, of a diffusers folder or a single checkpoint: what each is, and its weights under the names that its
// network asks for. What is not drawn with here (inpainting, other pipelines) is told in one line. Not here: the networks, the names in
// single files (single-file.ts).
import type { Weights } from '../../tensor/weights.ts';
import { InputError } from '../../util/errors.ts';
import type { ModelFile } from '../family.ts';
import { weightsUnder } from '../weights-under.ts';
import { autoencoderConfig } from './autoencoder.ts';
import { clipConfig } from './clip.ts';
import { clipTokenizer } from './clip-tokenizer.ts';
import { renamed, type Components, type PicturePart, type TextPart } from './part.ts';
import { scheduleConfig, USUAL, type ScheduleConfig } from './schedule.ts';
import { settingsOf, type Settings } from './settings.ts';
import { isSingleFile, singleFile } from './single-file.ts';
import { tinyAutoencoderConfig } from './tiny-autoencoder.ts';
import { unetConfig, type UnetConfig } from './unet-config.ts';

/** Names of pipelines in model_index.json that are drawn with. */
const PIPELINES = /^(StableDiffusion|StableDiffusionXL|LatentConsistencyModel)(Img2Img)?Pipeline$/;

/** Whether files are a model of this family. */
export const isStableDiffusion = (file: Pick<ModelFile, 'tensors' | 'text'>): boolean =>
  isSingleFile(file.tensors) || file.tensors.has('unet/conv_in.weight') || /^(StableDiffusion|LatentConsistency)/.test(pipelineOf(file));

function pipelineOf({ text }: Pick<ModelFile, 'text'>): string {
  try {
    return String((JSON.parse(text('model_index.json') ?? '{}') as { _class_name?: unknown })._class_name ?? '');
  } catch {
    return '';
  }
}

/** The parts of a model. Throws InputError naming `source` for what is missing, damaged, or not drawn with. */
export function componentsOf(file: ModelFile, source: string): Components {
  const found = isSingleFile(file.tensors) ? singleFile(file, source) : inFolder(file, source);
  const { inChannels, outChannels } = found.unet.config;
  const purpose = PURPOSES[inChannels];
  if (purpose) throw unsupported(source, purpose);
  if (inChannels !== outChannels) throw unsupported(source, `whose U-Net has ${inChannels} channels and gives ${outChannels}`);
  return found;
}

/** What U-Nets with other inputs are for. */
const PURPOSES: Readonly<Record<number, string>> = { 9: 'for inpainting alone', 8: 'that edits by instructions (pix2pix)' };

const unsupported = (source: string, what: string): InputError =>
  new InputError('model.format', `${source}: a Stable Diffusion model ${what}, which is not drawn with here: take a text-to-image model`);

function inFolder(file: ModelFile, source: string): Components {
  const pipeline = pipelineOf(file);
  if (!PIPELINES.test(pipeline)) throw unsupported(source, `for ${pipeline || 'an unnamed pipeline'}`);
  const index = settingsIn(file, 'model_index.json', source);
  const unet = { config: unetConfig(settingsIn(file, 'unet/config.json', source)), weights: weightsUnder(file, 'unet/', `${source}/unet`) };
  const second = file.tensors.has('text_encoder_2/text_model.embeddings.token_embedding.weight');
  return {
    unet,
    texts: (second ? ['', '_2'] : ['']).map((end) => textPart(file, end, source)),
    pictures: picturePart(file, 'vae', source),
    previews: undefined,
    schedule: scheduleIn(file, source, isOneStep(unet.config)),
    side: Number(settingsIn(file, 'unet/config.json', source).values['sample_size'] ?? 64),
    zeros: second && index.values['force_zeros_for_empty_prompt'] !== false,
  };
}

/** SDXS: no attention at the finest level and no middle. It was distilled to one step from pure noise. */
export const isOneStep = ({ middle, levels }: UnetConfig): boolean => middle === undefined && levels[0]!.down === 0;

function scheduleIn(file: ModelFile, source: string, oneStep: boolean): ScheduleConfig {
  const path = 'scheduler/scheduler_config.json';
  const found = file.text(path) === undefined ? USUAL : scheduleConfig(settingsIn(file, path, source));
  return oneStep ? { ...found, kind: 'euler', spacing: 'trailing' } : found;
}

function textPart(file: ModelFile, end: string, source: string): TextPart {
  const config = clipConfig(settingsIn(file, `text_encoder${end}/config.json`, source));
  const folder = `tokenizer${end}`;
  const [vocabulary, merges] = [needed(file, `${folder}/vocab.json`, source), needed(file, `${folder}/merges.txt`, source)];
  const tokenizer = clipTokenizer(vocabulary, merges, `${source}/${folder}`, padOf(file.text(`${folder}/special_tokens_map.json`)));
  return { config, tokenizer, weights: weightsUnder(file, `text_encoder${end}/`, `${source}/text_encoder${end}`) };
}

/** The word that fills a text up: special_tokens_map.json has it as a text or an object. */
function padOf(text: string | undefined): string | undefined {
  const { pad_token: pad } = JSON.parse(text ?? '{}') as { pad_token?: string | { content?: string } };
  return typeof pad === 'object' ? pad.content : pad;
}

function picturePart(file: ModelFile, folder: string, source: string): PicturePart {
  const settings = settingsIn(file, `${folder}/config.json`, source);
  const weights = weightsUnder(file, `${folder}/`, `${source}/${folder}`);
  return settings.values['_class_name'] === 'AutoencoderTiny'
    ? { kind: 'tiny', config: tinyAutoencoderConfig(settings), weights }
    : { kind: 'kl', config: autoencoderConfig(settings), weights: withNewNames(weights) };
}

/** What the attention of autoencoders was called before diffusers 0.15; most files have it so. */
const OLD_NAMES: Readonly<Record<string, string>> = { to_q: 'query', to_k: 'key', to_v: 'value', 'to_out.0': 'proj_attn' };

function withNewNames(weights: Weights): Weights {
  if (!weights.names.some((name) => name.includes('attentions.0.query.'))) return weights;
  const pattern = /(attentions\.0\.)(query|key|value|proj_attn)\./;
  const news = Object.fromEntries(Object.entries(OLD_NAMES).map(([now, old]) => [old, now]));
  const names = new Map(weights.names.map((old) => [old.replace(pattern, (_, before, word) => `${before}${news[word]}.`), old]));
  return renamed(weights, names);
}

const settingsIn = (file: ModelFile, path: string, source: string): Settings => settingsOf(needed(file, path, source), `${source}/${path}`);

function needed(file: ModelFile, path: string, source: string): string {
  const text = file.text(path);
  if (text !== undefined) return text;
  throw new InputError('model.missing', `${source}: has no ${path}; fetch the whole model (banana pull org/name)`);
}
