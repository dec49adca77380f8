// The parts of a Nitro-E model in a folder: the denoiser, Llama as its text encoder with its tokenizer, TAESANA's decoder. They come from
// three places (the model's own repository holds the denoiser alone), so each is found by what its weights are called, not by its name.
// What the denoiser's weights do not say - 512 pixels or 1024, distilled to few steps or not - its file's name does: there is nothing else.
import type { Weights } from '../../tensor/weights.ts';
import { InputError } from '../../util/errors.ts';
import { setting, settingsOf, type Settings } from '../stable-diffusion/settings.ts';
import { TAESANA, type TinyLevels } from '../stable-diffusion/tiny-autoencoder.ts';
import { emmditConfig, TRAINED } from './emmdit-config.ts';
import { EMBEDDINGS, llamaConfig } from './llama.ts';
import { llamaTokenizer, type LlamaTokenizer } from './llama-tokenizer.ts';
import type { NitroWeights } from './networks.ts';

/** A folder of files, by their names from it on, with "/". */
export interface Folder {
  /** What messages call it. */
  readonly source: string;
  readonly names: readonly string[];
  text(name: string): Promise<string>;
  weights(name: string): Promise<Weights>;
}

export interface NitroParts extends NitroWeights {
  /** The denoiser's file. */
  readonly file: string;
  readonly tokenizer: LlamaTokenizer;
  /** Distilled to few steps without guidance. */
  readonly distilled: boolean;
  close(): Promise<void>;
}

/** A part, and what a folder without it is told. */
interface Part {
  readonly is: (names: ReadonlySet<string>) => boolean;
  readonly lacking: string;
}

/** A weight by which a denoiser of this family is known. */
const DENOISER = 'block_groups.0.0.scale_shift_bias';
const PARTS = {
  denoiser: {
    is: (names) => names.has(DENOISER),
    lacking: 'the denoiser (banana pull amd/Nitro-E --include Nitro-E-512px-dist.safetensors)',
  },
  text: {
    is: (names) => names.has(EMBEDDINGS) || names.has(`model.${EMBEDDINGS}`),
    lacking: 'the text encoder (Llama-3.2-1B: the folder of meta-llama/Llama-3.2-1B)',
  },
  decoder: {
    is: (names) => names.has('1.weight') && names.has('3.conv.0.weight'),
    lacking: 'the decoder (taesana_decoder.pth of github.com/madebyollin/taesd)',
  },
} as const satisfies Record<string, Part>;
type PartName = keyof typeof PARTS;

const WEIGHTS = /\.(safetensors|pth|pt|safetensors\.index\.json)$/;
/** Shards are read by their index, and Meta's own copy beside transformers' is another format. */
const OTHERS = /-\d{5}-of-\d{5}\.safetensors$|(^|\/)(original|consolidated)/;

/** Whether weights of these names are this family's denoiser. */
export const isNitro = (names: readonly string[]): boolean => names.includes(DENOISER);

/** Opens all parts. Throws InputError `model.missing` naming those that are not there, others for one that is damaged. */
export async function nitroParts(folder: Folder): Promise<NitroParts> {
  const open: Weights[] = [];
  const close = async () => void (await Promise.all(open.map((one) => one.close())));
  try {
    const found = await weightsIn(folder, open);
    const [text, denoiser, decoder] = [found.text, found.denoiser, found.decoder];
    const settings = settingsOf(await folder.text(beside(folder, text.name, 'config.json')), `${folder.source}/config.json`);
    const tokenizer = beside(folder, text.name, 'tokenizer.json');
    return {
      file: denoiser.name,
      text: { config: llamaConfig(settings), weights: text.weights, padding: endOf(settings) },
      denoiser: { config: emmditConfig(denoiser.weights, TRAINED[/1024/.test(denoiser.name) ? 1024 : 512]), weights: denoiser.weights },
      decoder: { levels: levelsOf(decoder.weights), weights: decoder.weights },
      tokenizer: llamaTokenizer(await folder.text(tokenizer), `${folder.source}/${tokenizer}`),
      distilled: /dist/i.test(denoiser.name),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

interface Found {
  readonly name: string;
  readonly weights: Weights;
}

async function weightsIn(folder: Folder, open: Weights[]): Promise<Record<PartName, Found>> {
  const found: Partial<Record<PartName, Found>> = {};
  for (const name of folder.names.filter((one) => WEIGHTS.test(one) && !OTHERS.test(one))) {
    const weights = await folder.weights(name);
    open.push(weights);
    const names = new Set(weights.names);
    const part = (Object.keys(PARTS) as PartName[]).find((one) => PARTS[one].is(names));
    if (!part) continue;
    const before = found[part];
    if (before) throw new InputError('model.missing', `${folder.source}: several ${part}s: ${before.name} and ${name}; keep one of them`);
    found[part] = { name, weights };
  }
  const lacking = (Object.keys(PARTS) as PartName[]).filter((part) => !found[part]).map((part) => PARTS[part].lacking);
  if (lacking.length > 0) throw new InputError('model.missing', `${folder.source}: of a Nitro-E model it lacks ${lacking.join(', and ')}`);
  return found as Record<PartName, Found>;
}

/** A file of the text encoder: in its folder, or where a pipeline keeps its tokenizer. */
function beside({ source, names }: Folder, weights: string, file: string): string {
  const at = weights.lastIndexOf('/') + 1;
  const places = [weights.slice(0, at) + file, `tokenizer/${file}`, file];
  const found = places.find((place) => names.includes(place));
  if (found) return found;
  throw new InputError('model.missing', `${source}: ${places[0]} is missing; it belongs to the text encoder`);
}

/** The token that ends a text also fills it up. Instruct models have several: the first. */
function endOf(settings: Settings): number {
  const end = settings.values['eos_token_id'];
  return Array.isArray(end) ? (end[0] as number) : setting(settings, 'eos_token_id', 'number', 128001);
}

/** Widths of the decoder's levels, from its weights: five times twice as large, three blocks each, and one at the end. */
function levelsOf(weights: Weights): TinyLevels {
  const firsts = TAESANA.decoder.map((_, i) => `${3 + 5 * i}.conv.0.weight`);
  return TAESANA.decoder.map(({ blocks }, i) => ({ channels: weights.outline(firsts[i]!).shape[0]!, blocks }));
}
