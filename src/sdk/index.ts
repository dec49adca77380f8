// banana-sdk: what every environment has - types, errors, pure functions. banana-sdk/node and banana-sdk/web export these too,
// and what can draw there.
export { BananaError, InputError, RuntimeError, ShapeError } from '../util/errors.ts';
export { random, type Random } from '../util/random.ts';
export type { DType, Tensor, Tensors } from '../tensor/tensor.ts';
export {
  flatten,
  imageToTensor,
  psnr,
  cutImage,
  resizeImage,
  tensorToImage,
  visibleBox,
  type Color,
  type Image,
  type Tile,
} from '../image/image.ts';
export { readPngText, removePngText, writePngText } from '../image/png-text.ts';
export { memoryStore, type Store } from '../tensor/store.ts';
export { decodeSafetensors, encodeSafetensors, type Safetensors } from '../tensor/safetensors.ts';
export { LAYERED_PRESETS, layersPreset, type LayeredPreset, type LayersConfig } from '../models/layers/config.ts';
export type { Runtime, Session } from '../runtime/runtime.ts';
export { resolveSize, type Size } from '../draw/size.ts';
export { latentGrid } from '../models/layout.ts';
export { composePrompt } from '../draw/prompt.ts';
export {
  ASPECTS,
  BACKGROUNDS,
  LIMITS,
  PROMPT_MAX,
  SIDE_MAX,
  SIDE_MIN,
  STEPS,
  type Aspect,
  type Background,
  type GenerateOptions,
  type Limits,
  type PeelChoice,
  type PictureOptions,
  type PromptOptions,
  type SizeOptions,
  type Style,
  type SubjectReference,
} from '../draw/request.ts';
export type { BoxShares, EarlierLayer, ObjectRequest, UsedObject } from '../draw/object-options.ts';
export { checkOptions, type Checked } from '../draw/check.ts';
export { parametersOf, readRecipe, VERSION, writeRecipe, type ModelId, type Recipe } from '../draw/recipe.ts';
export type {
  DoneEvent,
  Drawn,
  GenerateEvent,
  ImageEvent,
  Layered,
  PictureLayer,
  PreviewEvent,
  RenderEvent,
  StageSeconds,
  StepEvent,
  TextEvent,
} from '../draw/events.ts';
export { openLive, type Live, type LiveFrame, type LiveOptions, type LiveRequest } from '../live/live.ts';
export { governor, LEVELS, type FrameTimes, type Governor, type GovernorOptions, type Level, type LevelChange } from '../live/governor.ts';
export { photoshopWith, type PsdFile } from '../draw/photoshop.ts';
export { vectorsWith, type Traceable, type Tracer } from '../draw/vectors.ts';
export { spriteSheet, type Atlas } from '../draw/sprites.ts';
export { zipOf } from '../image/zip.ts';
export type { UsedReference } from '../draw/subjects.ts';
export {
  castOf,
  checkStory,
  drawStory,
  type CastMember,
  type Story,
  type StoryEvent,
  type StoryScene,
  type StorySubject,
} from './scenes.ts';
export { sharpen, type SharpenOptions } from './sharpen.ts';
export type { Banana, DrawOptions, Picture } from './banana.ts';
export type { Availability, CreateMonitor, CreateOptions, DownloadProgress, Generator, GeneratorSession, Input } from './lifecycle.ts';
export type { Ability, ModelInfo, OpenedModel, Painter } from '../models/family.ts';
export { openModelBytes } from '../models/open.ts';
export { openPipeline, type Pipeline } from '../draw/text-to-image.ts';
export { mergePeels } from '../models/layers/merge.ts';
export type { UsedPeel } from '../draw/peels.ts';
export { encodePeel, fitPeel, readPeel, type BaseId, type Peel, type PeelFile, type PeelInfo } from '../adapters/peel.ts';
export { NO_PEELS, withoutPeel, withPeel, withWeight, type PeelStack } from '../adapters/stack.ts';
export { packLayers, type LayersManifest, type LayersModel } from '../models/layers/file.ts';
