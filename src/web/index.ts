// banana-sdk/web: all that the SDK for browsers has.
export * from '../sdk/index.ts';
export { encodePng } from '../image/png-encode.ts';
export { openRuntime, type OpenOptions, type RuntimeName } from '../runtime/select.ts';
export {
  checkTrainOptions,
  PEEL_DEFAULTS,
  trainPeel,
  type TrainedPeel,
  type TrainPeelEvent,
  type TrainPeelInput,
  type TrainPeelOptions,
} from '../train/peel/train.ts';
export type { WebTrainOptions } from './engine.ts';
export type { OpenBananaOptions } from './options.ts';
export { ImageGenerator, type ImageGeneratorOptions } from './generator.ts';
export { importModel, importedModel, removeImportedModel, type ImportModelOptions, type ModelSources } from './import.ts';
export { openRaster } from './layers.ts';
export { imageFrom, type WebImage } from './pictures.ts';
export { openBananaServer, type BananaServerOptions, type ServedBanana } from './server.ts';
export { browserStore } from './store.ts';
export { openBanana, openBananaWorker, pictureFile, pngOf, type WebBanana, type WebPicture } from './banana.ts';
