// banana-sdk: what every environment has - types, errors, pure functions. banana-sdk/node and banana-sdk/web export these too,
// and what can draw there.
export { BananaError, InputError, RuntimeError, ShapeError } from './util/errors.ts';
export { random, type Random } from './util/random.ts';
export type { DType, Tensor, Tensors } from './tensor/tensor.ts';
export { flatten, imageToTensor, psnr, resizeImage, tensorToImage, type Color, type Image } from './tensor/image.ts';
export { readPngText, removePngText, writePngText } from './tensor/png.ts';
export { memoryStore, type Store } from './tensor/store.ts';
export { decodeSafetensors, encodeSafetensors, type Safetensors } from './tensor/safetensors.ts';
export { preset, PRESETS, type Config, type PresetName } from './models/config.ts';
export type { Runtime, Session } from './runtime/runtime.ts';
export { ASPECTS, latentGrid, resolveSize, SIDE_MAX, SIDE_MIN, type Aspect, type Size, type SizeOptions } from './pipeline/resolution.ts';
export { composePrompt, PROMPT_MAX, type PromptOptions } from './pipeline/prompt.ts';
export { parametersOf, readRecipe, VERSION, writeRecipe, type ModelId, type Recipe } from './pipeline/recipe.ts';
export type { DoneEvent, GenerateEvent, ImageEvent, PreviewEvent, RenderEvent, StageSeconds, StepEvent, TextEvent } from './pipeline/events.ts';
export { openLive, type Live, type LiveFrame, type LiveOptions, type LiveRequest } from './pipeline/preview.ts';
export { governor, LEVELS, type FrameTimes, type Governor, type GovernorOptions, type Level, type LevelChange } from './pipeline/governor.ts';
export type { PictureOptions } from './pipeline/picture-in.ts';
export type { SubjectReference, UsedReference } from './pipeline/subject.ts';
export type { Banana, DrawOptions, Picture } from './pipeline/banana.ts';
export { checkOptions, openPipeline, STEPS, type GenerateOptions, type ModelInfo, type Pipeline } from './pipeline/text-to-image.ts';
export { mergePeels, type PeelChoice, type UsedPeel } from './pipeline/peels.ts';
export { encodePeel, fitPeel, readPeel, type BaseId, type Peel, type PeelFile, type PeelInfo } from './adapters/peel.ts';
export { NO_PEELS, withoutPeel, withPeel, withWeight, type PeelStack } from './adapters/stack.ts';
export { packModel, unpackModel, type Manifest, type Model } from './pipeline/model-file.ts';
