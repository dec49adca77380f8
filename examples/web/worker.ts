// The worker of the page: with a bundler, `new Worker(new URL('banana-sdk/web-worker', import.meta.url), { type: 'module' })` does without this file.
import '../../src/web/worker.ts';
