// A checkpoint in one file as the folder that diffusers would keep it in: settings written from what its tensors say, tensors by the names
// that the networks ask for, and what nothing asks for (averages, the noise's tables) left out. So `banana import` has one layout to round.
import { quickGelu } from '../../graph/functions.ts';
import { InputError } from '../../util/errors.ts';
import { joinedWeights } from '../../tensor/joined.ts';
import type { Weights } from '../../tensor/weights.ts';
import type { ModelFile, Relaid } from '../family.ts';
import { clipConfig, type ClipConfig } from './clip.ts';
import { autoencoderConfig, type AutoencoderConfig } from './autoencoder.ts';
import { clipVocabulary } from './clip-tokenizer.ts';
import { renamed, type Components } from './part.ts';
import { scheduleConfig, type Kind, type ScheduleConfig } from './schedule.ts';
import { settingsOf, type Settings } from './settings.ts';
import { decodeStage, encodeStage, textStage, unetStage } from './stages.ts';
import { SIZES, unetConfig, type UnetConfig } from './unet-config.ts';
import type { Stage } from '../stage.ts';

/** Names of the folder of a text encoder: "" is the first. */
const ENDS = ['', '_2'];

/** The folder of a checkpoint. Throws InputError `model.ability` where no settings say what its networks are (as of some pruned ones). */
export function relaid({ unet, texts, pictures, schedule, side, zeros }: Components, file: ModelFile, source: string): Relaid {
  if (pictures.kind !== 'kl') throw new Error('a checkpoint in one file has the large autoencoder');
  const pair = texts.length > 1;
  const tokens = file.text('clip/merges.txt')!;
  const read = texts.map(({ config, weights }) => textStage(config, weights.names, pair));
  const files: (readonly [path: string, values: object])[] = [
    [
      'model_index.json',
      { _class_name: pair ? 'StableDiffusionXLPipeline' : 'StableDiffusionPipeline', force_zeros_for_empty_prompt: zeros },
    ],
    ['scheduler/scheduler_config.json', schedulerSettings(schedule)],
    ['unet/config.json', { ...unetSettings(unet.config), sample_size: side }],
    ['vae/config.json', pictureSettings(pictures.config)],
    ...texts.flatMap(({ config, tokenizer }, i) => [
      [`text_encoder${ENDS[i]}/config.json`, clipSettings(config)] as const,
      [`tokenizer${ENDS[i]}/vocab.json`, clipVocabulary(tokens, config.vocabulary).words] as const,
      [`tokenizer${ENDS[i]}/special_tokens_map.json`, { pad_token: tokenizer.padding === tokenizer.end ? undefined : '!' }] as const,
    ]),
  ];
  const merges = texts.map(({ config }, i) => [`tokenizer${ENDS[i]}/merges.txt`, clipVocabulary(tokens, config.vocabulary).lines] as const);
  const said = new Map([...files.map(([path, values]) => [path, JSON.stringify(values)] as const), ...merges]);
  const same = <C extends object>(path: string, parse: (settings: Settings) => C, config: C): boolean =>
    inWords(parse(settingsOf(said.get(path)!, path))) === inWords(config);
  const told =
    same('unet/config.json', unetConfig, unet.config) &&
    same('vae/config.json', autoencoderConfig, pictures.config) &&
    same('scheduler/scheduler_config.json', scheduleConfig, schedule) &&
    texts.every(({ config }, i) => same(`text_encoder${ENDS[i]}/config.json`, clipConfig, config));
  if (!told)
    throw new InputError(
      'model.ability',
      `${source}: no settings of diffusers say what this network is; use it as it is, or import its folder`,
    );
  const weights = new Map([
    ['unet/', asked(unet.weights, unetStage(unet.config))],
    ['vae/', asked(pictures.weights, decodeStage(pictures), encodeStage(pictures))],
    ...texts.map(({ weights }, i) => [`text_encoder${ENDS[i]}/`, asked(weights, read[i]!)] as const),
  ]);
  return { weights: joinedWeights(weights, source), texts: said };
}

/** What a configuration says, in the order of its names. */
const inWords = (config: object): string => JSON.stringify(Object.entries(config).sort(([a], [b]) => (a < b ? -1 : 1)));

/** The weights that some stages ask for. */
function asked(weights: Weights, ...stages: readonly Stage[]): Weights {
  const names = new Set(weights.names);
  return renamed(
    weights,
    new Map(stages.flatMap(({ specs }) => [...specs.keys()]).flatMap((name) => (names.has(name) ? [[name, name]] : []))),
  );
}

/** What diffusers' settings say of a U-Net. */
const unetSettings = ({ levels, middle, context, added, ...config }: UnetConfig): object => ({
  _class_name: 'UNet2DConditionModel',
  in_channels: config.inChannels,
  out_channels: config.outChannels,
  block_out_channels: levels.map(({ channels }) => channels),
  layers_per_block: levels.map(({ layers }) => layers),
  attention_head_dim: levels.map(({ heads }) => heads),
  transformer_layers_per_block: levels.map(({ down, up }, i) => Math.max(down, up, i + 1 === levels.length ? (middle ?? 1) : 1)),
  down_block_types: levels.map(({ down }) => (down ? 'CrossAttnDownBlock2D' : 'DownBlock2D')),
  up_block_types: levels.map(({ up }) => (up ? 'CrossAttnUpBlock2D' : 'UpBlock2D')).reverse(),
  mid_block_type: middle === undefined ? null : 'UNetMidBlock2DCrossAttn',
  norm_num_groups: config.groups,
  norm_eps: config.epsilon,
  cross_attention_dim: context,
  flip_sin_to_cos: config.waves.cosineFirst,
  freq_shift: config.waves.shift,
  ...(added && {
    addition_embed_type: 'text_time',
    addition_time_embed_dim: added.size,
    projection_class_embeddings_input_dim: added.pooled + SIZES * added.size,
  }),
});

const pictureSettings = (config: AutoencoderConfig): object => ({
  _class_name: 'AutoencoderKL',
  latent_channels: config.latentChannels,
  out_channels: config.pictureChannels,
  block_out_channels: config.channels,
  layers_per_block: config.layers,
  norm_num_groups: config.groups,
  scaling_factor: config.scale,
});

/** "eos_token_id" 2 is how files say that the highest token ends a text. */
const clipSettings = (config: ClipConfig): object => ({
  vocab_size: config.vocabulary,
  max_position_embeddings: config.length,
  hidden_size: config.width,
  num_hidden_layers: config.depth,
  num_attention_heads: config.heads,
  intermediate_size: config.hidden,
  hidden_act: config.activation === quickGelu ? 'quick_gelu' : 'gelu',
  layer_norm_eps: config.epsilon,
  projection_dim: config.projection,
  eos_token_id: config.end ?? 2,
});

const SCHEDULERS: { readonly [K in Kind]: string } = { euler: 'DDIMScheduler', lcm: 'LCMScheduler', tcd: 'TCDScheduler' };

const schedulerSettings = ({ kind, spacing, prediction, betas, offset }: ScheduleConfig): object => ({
  _class_name: SCHEDULERS[kind],
  timestep_spacing: spacing,
  prediction_type: prediction,
  beta_start: betas[0],
  beta_end: betas[1],
  steps_offset: offset,
});
