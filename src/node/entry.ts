// Where the engine's own process begins: the built file or the source, whichever this is.
const built = import.meta.url.endsWith('.js');

export const ENTRY = new URL(built ? './engine.js' : './engine.ts', import.meta.url);
