// The pipeline's own process: node/index.ts starts this file.
import { servePipeline } from './serve.ts';

servePipeline();
