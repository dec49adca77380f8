// banana-sdk/node: all that the SDK for Node has.
export * from '../sdk/index.ts';
export { checkWire, fromWire, requestSchema, type WireRequest } from '../draw/wire.ts';
export { decodeImage, encodeImage, formatOf, type ImageFormat } from '../disk/codec.ts';
export { folderStore, readSafetensors, writeSafetensors } from '../disk/files.ts';
export { DEFAULT_MODEL, modelPath, randomModel, saveModel } from './models.ts';
export { openRuntime, type OpenOptions, type RuntimeName } from '../runtime/select.ts';
export { openTrainable } from './load.ts';
export type { LoadOptions, OpenBananaOptions } from './options.ts';
export { ImageGenerator, type ImageGeneratorOptions } from './generator.ts';
export { addPeel, findPeel, listPeels, openPeel, peelFolder, removePeel, showPeel, type Listing, type Shelved } from './library.ts';
export {
  clearTraining,
  PEEL_DEFAULTS,
  trainPeel,
  type TrainedPeel,
  type TrainPeelEvent,
  type TrainPeelInput,
  type TrainPeelOptions,
} from '../train/peel/train.ts';
export { photoshop } from './psd.ts';
export { svgOf } from './svg.ts';
export { openRaster, readLayers, writeLayers, type StoredLayer } from './layers.ts';
export { readPictures, type TrainingPicture } from '../disk/pictures.ts';
export {
  drawnFiles,
  formatFor,
  openBanana,
  pictureFile,
  pngOf,
  type DrawnFiles,
  type FileFormat,
  type NodeBanana,
  type NodePicture,
  type NodeTrainOptions,
  type NodeTrainingPicture,
} from './banana.ts';
