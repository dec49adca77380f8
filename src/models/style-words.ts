// The style words that captions use and a prompt may name, without the art behind them: for command lines and apps.
// A test holds them equal to the styles (sprites.ts) and makers (makers.ts) that the data is drawn from.

/** Every style word: ten of sprites, seven of characters. */
export const STYLE_WORDS = [
  'flat',
  'soft gradient',
  '3D',
  'shaded cartoon',
  'bold flat',
  'classic emoji',
  'blob',
  'simple flat',
  'outlined cartoon',
  'icon',
  'avatar',
  'kawaii',
  'doodle',
  'persona',
  'portrait',
  'big smile',
  'toon',
] as const;
export type StyleWord = (typeof STYLE_WORDS)[number];
