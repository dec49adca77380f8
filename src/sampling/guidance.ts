// Classifier-free guidance (Ho & Salimans 2022): away from what the network would draw without the prompt.

/** unconditional + scale (conditional - unconditional); 1 is no guidance. */
export function guide(conditional: ArrayLike<number>, unconditional: ArrayLike<number>, scale: number): Float32Array<ArrayBuffer> {
  return Float32Array.from({ length: conditional.length }, (_, i) => unconditional[i]! + scale * (conditional[i]! - unconditional[i]!));
}
