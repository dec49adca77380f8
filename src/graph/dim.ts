// Sizes of axes. A dimension is a whole number, or a polynomial with whole coefficients over named symbols, written in
// one canonical form: "B", "8*h", "2*h*w+3". Equal sizes are equal strings. There is no division except an exact one:
// choose the smallest quantity as the symbol (the latent's height h, not the picture's 32*h).
import { ShapeError } from '../util/errors.ts';

export type Dim = number | string;
export type Shape = readonly Dim[];

/** Coefficient of each product of symbols; '' is the constant term. */
type Polynomial = Map<string, number>;

function parse(dim: Dim): Polynomial {
  if (typeof dim === 'number') return new Map(dim === 0 ? [] : [['', dim]]);
  const terms: Polynomial = new Map();
  for (const term of dim.replaceAll('-', '+-').split('+').filter(Boolean)) {
    let coefficient = 1;
    const symbols: string[] = [];
    for (const factor of term.split('*')) {
      if (/^-?\d+$/.test(factor)) coefficient *= Number(factor);
      else if (factor.startsWith('-')) [coefficient, symbols[symbols.length]] = [-coefficient, factor.slice(1)];
      else symbols.push(factor);
    }
    const key = symbols.sort().join('*');
    terms.set(key, (terms.get(key) ?? 0) + coefficient);
  }
  return terms;
}

function format(terms: Polynomial): Dim {
  const kept = [...terms].filter(([, c]) => c !== 0).sort(([a], [b]) => (a === '' ? 1 : b === '' ? -1 : a < b ? -1 : 1));
  if (kept.length === 0) return 0;
  if (kept.length === 1 && kept[0]![0] === '') return kept[0]![1];
  return kept
    .map(([symbols, c]) => (symbols === '' ? `${c}` : c === 1 ? symbols : c === -1 ? `-${symbols}` : `${c}*${symbols}`))
    .join('+')
    .replaceAll('+-', '-');
}

/** a + b */
export function addDims(a: Dim, b: Dim): Dim {
  if (typeof a === 'number' && typeof b === 'number') return a + b;
  const sum = parse(a);
  for (const [key, c] of parse(b)) sum.set(key, (sum.get(key) ?? 0) + c);
  return format(sum);
}

/** a * b * ... ; 1 for none. */
export function mulDims(...dims: Dim[]): Dim {
  return dims.reduce((a, b) => {
    if (typeof a === 'number' && typeof b === 'number') return a * b || 0; // never -0
    const product: Polynomial = new Map();
    for (const [x, cx] of parse(a))
      for (const [y, cy] of parse(b)) {
        const key = [...x.split('*'), ...y.split('*')].filter(Boolean).sort().join('*');
        product.set(key, (product.get(key) ?? 0) + cx * cy);
      }
    return format(product);
  }, 1);
}

/** a / b where it is exact (b one term); throws ShapeError otherwise. */
export function divideDim(a: Dim, b: Dim): Dim {
  if (a === b) return 1;
  const divisor = [...parse(b)];
  if (divisor.length === 1) {
    const [[symbols, coefficient]] = divisor as [[string, number]];
    const quotient: Polynomial = new Map();
    const exact = [...parse(a)].every(([key, c]) => {
      const rest = key.split('*').filter(Boolean);
      for (const s of symbols.split('*').filter(Boolean)) {
        const at = rest.indexOf(s);
        if (at < 0) return false;
        rest.splice(at, 1);
      }
      quotient.set(rest.join('*'), c / coefficient);
      return c % coefficient === 0;
    });
    if (exact) return format(quotient);
  }
  throw new ShapeError('dim.divide', `cannot divide dimension ${a} by ${b} exactly`);
}

/** The symbols that occur in a dimension. */
export function symbolsOf(dim: Dim): string[] {
  return typeof dim === 'number' ? [] : [...new Set([...parse(dim).keys()].flatMap((key) => key.split('*')).filter(Boolean))];
}

/** The terms of a dimension as [coefficient, symbols] pairs. */
export function termsOf(dim: Dim): [number, string[]][] {
  return [...parse(dim)].map(([key, c]) => [c, key.split('*').filter(Boolean)]);
}

/** The number a dimension stands for when its symbols have values; throws ShapeError for an unknown symbol. */
export function evaluateDim(dim: Dim, values: Readonly<Record<string, number>>): number {
  return termsOf(dim).reduce((sum, [c, symbols]) => {
    const product = symbols.reduce((p, s) => {
      const value = values[s];
      if (value === undefined) throw new ShapeError('dim.unbound', `dimension ${dim}: symbol "${s}" has no value`);
      return p * value;
    }, c);
    return sum + product;
  }, 0);
}

/** The number of elements of a shape. */
export function sizeOfShape(shape: Shape): Dim {
  return mulDims(...shape);
}

/** A dimension that must be a number here; throws ShapeError naming `what`. */
export function fixed(dim: Dim | undefined, what: string): number {
  if (typeof dim !== 'number') throw new ShapeError('dim.symbolic', `${what}: dimension ${dim} must be a number`);
  return dim;
}

/** NumPy's broadcasting of two shapes; throws ShapeError when they do not fit. */
export function broadcastShapes(a: Shape, b: Shape, where: string): Dim[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const x = a[i - rank + a.length] ?? 1;
    const y = b[i - rank + b.length] ?? 1;
    if (x === y || y === 1) return x;
    if (x === 1) return y;
    throw new ShapeError('shape.broadcast', `${where}: cannot broadcast [${a}] with [${b}]: ${x} against ${y} on axis ${i - rank}`);
  });
}
