// PEFT keeps an adapter in two files: adapter_model.safetensors and, of its scales, adapter_config.json. Here they become one: the second
// as metadata of the first, where diffusers writes it too.
import { headLength } from '../tensor/safetensors.ts';
import { InputError } from '../util/errors.ts';
import { CONFIG } from './foreign.ts';

export const PEFT_FILES = { weights: 'adapter_model.safetensors', config: 'adapter_config.json' } as const;

/** The weights' bytes with the config in them. Throws InputError when either is not what it should be. */
export function withConfig(weights: Uint8Array, config: string, source: string): Uint8Array<ArrayBuffer> {
  const start = headLength(weights, weights.length, source);
  const head = parsed(new TextDecoder().decode(weights.subarray(8, start)), source) as { __metadata__?: object };
  const kind = parsed(config, source)['peft_type'];
  if (kind !== undefined && kind !== 'LORA')
    throw new InputError('peel.layers', `${source}: PEFT's method ${JSON.stringify(kind)} is not read here, LORA is`);
  const text = JSON.stringify({ ...head, __metadata__: { ...head.__metadata__, [CONFIG]: config } });
  const bytes = new TextEncoder().encode(text.padEnd(Math.ceil(text.length / 8) * 8));
  const joined = new Uint8Array(8 + bytes.length + weights.length - start);
  new DataView(joined.buffer).setBigUint64(0, BigInt(bytes.length), true);
  joined.set(bytes, 8);
  joined.set(weights.subarray(start), 8 + bytes.length);
  return joined;
}

function parsed(text: string, source: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch (cause) {
    throw new InputError('peel.info', `${source}: is not JSON where it should be; the file is damaged`, { cause });
  }
}
