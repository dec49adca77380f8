// The straight path between a picture and noise (Liu et al. 2022; Lipman et al. 2022): x_t = (1 - t) x_0 + t n, with the velocity
// v = n - x_0. Everything that goes along it - samplers, pictures to start from, targets of training - takes its formulas from here.

/** Numbers one by one. */
const each = (a: ArrayLike<number>, b: ArrayLike<number>, f: (a: number, b: number) => number): Float32Array<ArrayBuffer> =>
  Float32Array.from({ length: a.length }, (_, i) => f(a[i]!, b[i]!));

/** The picture with noise up to time t: (1 - t) x_0 + t n. */
export const noised = (picture: ArrayLike<number>, noise: ArrayLike<number>, t: number): Float32Array<ArrayBuffer> =>
  each(picture, noise, (x, n) => (1 - t) * x + t * n);

/** The picture that a velocity at time t leads to: x_t - t v. */
export const pictureOf = (x: ArrayLike<number>, velocity: ArrayLike<number>, t: number): Float32Array<ArrayBuffer> =>
  each(x, velocity, (a, v) => a - t * v);

/** The velocity at time t that leads to a picture: (x_t - x_0) / t; t above 0. */
export const velocityTo = (picture: ArrayLike<number>, x: ArrayLike<number>, t: number): Float32Array<ArrayBuffer> =>
  each(x, picture, (a, b) => (a - b) / t);

/** A step along the velocity, from time t to `next`. */
export const moved = (x: ArrayLike<number>, velocity: ArrayLike<number>, t: number, next: number): Float32Array<ArrayBuffer> =>
  each(x, velocity, (a, v) => a + (next - t) * v);
