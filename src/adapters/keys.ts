// How the layers of a low-rank adapter are called in files. PEFT, diffusers, kohya's scripts and ComfyUI write the same two
// matrices under different endings and prefixes; here a key becomes (module, part), and a module of a file the weight of ours
// that it belongs to. All of them store A as (r, in) and B as (out, r). Not here: what is done with the matrices (peel.ts).

/** `a` is the matrix on the input's side (down), `b` on the output's (up); the effect is scaled by alpha / rank. */
export type Part = 'a' | 'b' | 'alpha';

const ENDINGS: readonly (readonly [RegExp, Part])[] = [
  [/\.lora_A(?:\.default)?\.weight$/, 'a'], //                PEFT, diffusers, ComfyUI
  [/\.lora_B(?:\.default)?\.weight$/, 'b'],
  [/\.lora_down\.weight$/, 'a'], //                           kohya
  [/\.lora_up\.weight$/, 'b'],
  [/\.lora(?:_linear_layer)?\.down\.weight$/, 'a'], //        diffusers before it used PEFT
  [/\.lora(?:_linear_layer)?\.up\.weight$/, 'b'],
  [/\.alpha$/, 'alpha'],
];

/** What tools put before the module's own name; tried in this order, the bare name last. */
const PREFIXES = ['base_model.model.', 'diffusion_model.', 'lora_unet_', 'lora_transformer_', 'unet.', 'transformer.', ''];

/** The network whose name some tools leave out. */
const ROOT = 'transformer.';

/** A key of a file as module and part; undefined when it is no part of a low-rank adapter. */
export function partOf(key: string): { module: string; part: Part } | undefined {
  for (const [ending, part] of ENDINGS) {
    const found = ending.exec(key);
    if (found) return { module: key.slice(0, found.index), part };
  }
  return undefined;
}

/** The key that this project writes: PEFT's. */
export const keyOf = (module: string, part: 'a' | 'b'): string => `base_model.model.${module}.lora_${part === 'a' ? 'A' : 'B'}.weight`;

/** A function from a file's module to ours, one of `modules` ("transformer.blocks.0.attention.query"), or undefined. */
export function moduleFinder(modules: Iterable<string>): (module: string) => string | undefined {
  const known = new Map<string, string>();
  for (const module of modules) {
    for (const name of [module, module.startsWith(ROOT) ? module.slice(ROOT.length) : module]) {
      known.set(name, module);
      known.set(name.replaceAll('.', '_'), module); // kohya
    }
  }
  return (module) => {
    for (const prefix of PREFIXES) {
      const found = module.startsWith(prefix) ? known.get(module.slice(prefix.length)) : undefined;
      if (found) return found;
    }
    return undefined;
  };
}
