// How the parts of an adapter are called in files. PEFT, diffusers, kohya's scripts, LyCORIS and ComfyUI write the same matrices under
// different endings; here a key becomes (module, part). Not here: which weight a module of a file is (targets.ts), what is done with
// the matrices (peel.ts, delta.ts).

/** Of a low-rank adapter: `a` is the matrix on the input's side (down), `b` on the output's (up); the effect is scaled by alpha / rank. */
export type LowRankPart = 'a' | 'b' | 'alpha';

/** Of others: Tucker's core, a magnitude (DoRA), factors of LoHa and LoKr, a whole difference. */
export type Part =
  | LowRankPart
  | 'mid'
  | 'magnitude'
  | 'diff'
  | `hada_w${1 | 2}_${'a' | 'b'}`
  | `hada_t${1 | 2}`
  | `lokr_w${1 | 2}${'' | '_a' | '_b'}`
  | 'lokr_t2';

const ENDINGS: readonly (readonly [RegExp, Part | undefined])[] = [
  [/\.lora_A(?:\.(?!weight$)\w+)?\.weight$/, 'a'], //         PEFT, diffusers, ComfyUI; an adapter's name may stand between
  [/\.lora_B(?:\.(?!weight$)\w+)?\.weight$/, 'b'],
  [/\.lora_down\.weight$/, 'a'], //                           kohya
  [/\.lora_up\.weight$/, 'b'],
  [/\.lora_mid\.weight$/, 'mid'], //                          LoCon
  [/\.lora(?:_linear_layer)?\.down\.weight$/, 'a'], //        diffusers before it used PEFT
  [/\.lora(?:_linear_layer)?\.up\.weight$/, 'b'],
  [/_lora\.down\.weight$/, 'a'], //                           and before that
  [/_lora\.up\.weight$/, 'b'],
  [/\.alpha$/, 'alpha'],
  [/\.dora_scale$/, 'magnitude'], //                          DoRA by LyCORIS and kohya, then by PEFT
  [/\.lora_magnitude_vector(?:\.\w+)*$/, 'magnitude'],
  [/\.(hada_w[12]_[ab]|hada_t[12]|lokr_w[12](?:_[ab])?|lokr_t2|diff)$/, undefined], // LyCORIS
];

/** Methods that are known by their keys and not read, with what marks them. */
const UNREAD: readonly (readonly [mark: RegExp, name: string])[] = [
  [/\.oft_(blocks|diag)$|\.oft_R\b/, 'OFT'],
  [/\.[ab][12]\.weight$|\.bm\.weight$/, 'GLoRA'],
  [/\.on_input$|\.ia3_/, 'IA3'],
  [/\.diff_b$|\.lora_(?:B|up)\.bias$/, 'the change of a bias'],
  [/^(emb_params|clip_[lg]|string_to_param)/, 'a textual inversion'],
];

/** The method that a key is of, where it is one that is not read. */
export const unreadMethod = (key: string): string | undefined => UNREAD.find(([mark]) => mark.test(key))?.[1];

/** A key of a file as module and part; undefined when it is no part of an adapter that is read. */
export function partOf(key: string): { module: string; part: Part } | undefined {
  for (const [ending, part] of ENDINGS) {
    const found = ending.exec(key);
    if (found) return { module: currentName(key.slice(0, found.index)), part: part ?? (found[1] as Part) };
  }
  return undefined;
}

export const isLowRank = (part: Part): part is LowRankPart => part === 'a' || part === 'b' || part === 'alpha';

const TEXT = { to_q: 'q_proj', to_k: 'k_proj', to_v: 'v_proj', to_out: 'out_proj' } as const;

/** Diffusers' first names: attn1.processor.to_q and, in a text encoder, self_attn.to_q. */
function currentName(module: string): string {
  const [, before, kind, layer] = /^(.*\.)(processor|self_attn)\.(to_q|to_k|to_v|to_out)$/.exec(module) ?? [];
  if (!layer) return module;
  if (kind === 'self_attn') return `${before}self_attn.${TEXT[layer as keyof typeof TEXT]}`;
  return before + (layer === 'to_out' ? 'to_out.0' : layer);
}

/** The key that this project writes: PEFT's. */
export const keyOf = (module: string, part: 'a' | 'b'): string => `base_model.model.${module}.lora_${part === 'a' ? 'A' : 'B'}.weight`;
