// What is used of imagetracerjs, which has no types of its own.
declare module 'imagetracerjs' {
  const tracer: {
    /** The text of an SVG of some pixels. */
    imagedataToSVG(
      image: { readonly width: number; readonly height: number; readonly data: Uint8ClampedArray | Uint8Array },
      options: Readonly<Record<string, number>>,
    ): string;
  };
  export default tracer;
}
