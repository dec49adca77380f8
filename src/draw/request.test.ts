import { describe, expect, expectTypeOf, test } from 'vitest';
import { image, type Image } from '../image/image.ts';
import { InputError } from '../util/errors.ts';
import { checkOptions } from './check.ts';
import { narrowed, type Aspect, type GenerateOptions, type Limits } from './request.ts';

const refusal = (options: unknown, limits?: Limits): unknown => {
  try {
    checkOptions(options, limits);
  } catch (error) {
    return error;
  }
};

describe('the wrong type', () => {
  test.each<[string, unknown]>([
    ['the request is the text "a fox": expected an object such as { prompt: \'a fox\' }', 'a fox'],
    ['the request is undefined: expected an object', undefined],
    ['the request is a list: expected an object', [{ prompt: 'a fox' }]],
    ['prompt is a list: expected a text; make a request for each prompt', { prompt: ['a cat'] }],
    ['prompt is 5: expected a text', { prompt: 5 }],
    ['width is the text "512": expected a number; write 512 without quotes', { width: '512' }],
    ['seed is the text "7": expected a number; write 7 without quotes', { seed: '7' }],
    ['seed is 7: expected a number', { seed: 7n }],
    ['steps is the text "many": expected a number', { steps: 'many' }],
    ['count is true: expected a number', { count: true }],
    ['guidance is the text "3.5": expected a number; write 3.5', { guidance: '3.5' }],
    ['strength is the text "0.5": expected a number', { image: image(8, 8), strength: '0.5' }],
    ['style is null: expected a text; leave it out where it is not wanted', { style: null }],
    ['background is true: expected a text', { background: true }],
    ['aspect is a list: expected a text', { aspect: [16, 9] }],
    [
      'image is the text "x.png": expected a picture { width, height, data: Uint8ClampedArray }; read and decode the file first',
      { image: 'x.png' },
    ],
    ['image is bytes: expected a picture', { image: Buffer.from('x') }],
    ['image is an object: expected a picture', { image: { width: 8, height: 8 } }],
    ['image is an object: expected a picture', { image: { ...image(8, 8), width: 0 } }],
    ['mask is the text "x.png": expected a picture', { image: image(8, 8), mask: 'x.png' }],
    ['references is an object: expected a list', { references: { slot: 1, image: image(8, 8) } }],
    ['references[0] is null: expected { slot: 1, image }', { references: [null] }],
    ['references[0].image is the text "fox.png": expected a picture', { references: [{ slot: 1, image: 'fox.png' }] }],
    ['references[0].slot is the text "1": expected a number', { references: [{ slot: '1', image: image(8, 8) }] }],
    ['peels is the text "ink": expected a list', { peels: 'ink' }],
    ['signal is an object: expected an AbortSignal', { signal: {} }],
    ["signal is an object: expected an AbortSignal; give the controller's signal", { signal: new AbortController() }],
  ])('%s', (message, options) => {
    const given = typeof options === 'object' && !Array.isArray(options) ? { prompt: 'x', ...options } : options;
    const error = refusal(given);
    expect(error).toBeInstanceOf(InputError);
    expect(error).toMatchObject({ code: 'options.type', message: expect.stringContaining(message) });
  });

  test('no prompt at all', () => {
    expect(refusal({})).toMatchObject({ code: 'prompt.empty', message: 'there is no prompt: say what to draw' });
  });
});

test.each([
  ['size', 'it is width and height here'],
  ['n', 'it is count here'],
  ['num_inference_steps', 'it is steps here'],
  ['guidanceScale', 'it is guidance here'],
  ['negativePrompt', 'it is negative here'],
  ['negative_prompt', 'it is negative here'],
  ['model', 'openBanana takes it'],
  ['widht', 'did you mean width?'],
  ['promt', 'did you mean prompt?'],
  ['Seed', 'did you mean seed?'],
  ['toString', 'there are prompt, negative, style, '],
  ['x', 'there are prompt, negative, style, '],
])('no option %s', (key, message) => {
  expect(refusal({ prompt: 'x', [key]: 1 })).toMatchObject({
    code: 'options.unknown',
    message: expect.stringContaining(`no option "${key}": ${message}`),
  });
});

test('what is undefined is left out; a signal and every option are taken', () => {
  const signal = new AbortController().signal;
  expect(
    refusal({ prompt: 'x', style: undefined, seed: undefined, image: undefined, references: undefined, signal: undefined }),
  ).toBeUndefined();
  const every = {
    style: 'flat',
    background: 'transparent',
    width: 64,
    height: 64,
    aspect: '1:1',
    image: image(8, 8),
    strength: 0.5,
    seed: 0,
    steps: 1,
    count: 2,
    guidance: 1,
    preview: 0,
    detail: 1,
  };
  expect(
    refusal({ prompt: 'x <1>', ...every, references: [{ slot: 1, image: image(8, 8) }], peels: [{ name: 'ink' }], signal }),
  ).toBeUndefined();
});

test.each<[string, object]>([
  ['width', { width: 10 }],
  [
    'references[1].slot',
    {
      prompt: '<1>',
      references: [
        { slot: 1, image: image(8, 8) },
        { slot: 9, image: image(8, 8) },
      ],
    },
  ],
  ['references[0].image', { prompt: '<1>', references: [{ slot: 1, image: { width: 9, height: 9, data: new Uint8Array(4) } }] }],
  ['references[0].picture', { prompt: '<1>', references: [{ slot: 1, image: image(8, 8), picture: 1 }] }],
  ['peels[0].weight', { peels: [{ name: 'ink', weight: 5 }] }],
  ['peels[0].name', { peels: [{ name: 'no/name' }] }],
  ['peels[1]', { peels: [{ name: 'ink' }, {}] }],
  ['widht', { widht: 64 }],
  ['mask', { mask: image(8, 8) }],
  ['prompt', { prompt: '' }],
  ['seed', { seed: Number.MAX_SAFE_INTEGER - 1, count: 2 }],
])('an error about %s says so', (path, options) => {
  expect(refusal({ prompt: 'x', ...options })).toMatchObject({ path });
});

test('an entry of a list holds its own options and nothing else', () => {
  expect(refusal({ prompt: 'x', peels: [{ nmae: 'ink' }] })).toMatchObject({ message: 'no option "nmae" in peels[0]: did you mean name?' });
});

describe('limits', () => {
  const limits = narrowed({ side: 1024, pixels: 2 ** 19, count: 4, steps: [1, 2], pictureBytes: 400 });
  test.each<[object, string, string]>([
    [{ width: 1025 }, 'size.side', 'width 1025: expected a whole number of pixels from 64 to 1024'],
    [{ width: 1024, height: 1024 }, 'size.pixels', '1024x1024 has 1048576 pixels: expected at most 524288; choose a smaller size'],
    [{ height: 1024, aspect: '2:3' }, 'size.pixels', '683x1024 has 699392 pixels'],
    [{ height: 200, aspect: '8:1' }, 'size.side', 'aspect 8:1 makes the width 1600: expected a whole number of pixels from 64 to 1024'],
    [{ count: 5 }, 'options.count', 'count 5: expected a whole number from 1 to 4'],
    [{ steps: 4 }, 'options.steps', 'steps 4: choose one of 1, 2'],
    [{ image: image(11, 10) }, 'image.size', 'the picture of 11x10 has 440 bytes: expected at most 400; make it smaller'],
  ])('%o', (options, code, message) => {
    expect(refusal({ prompt: 'x', ...options }, limits)).toMatchObject({ code, message: expect.stringContaining(message) });
    expect(refusal({ prompt: 'x', ...options })).toBeUndefined();
  });

  test('the size that follows from a picture is within them', () => {
    expect(checkOptions({ prompt: 'x', image: image(10, 10) }, limits).size).toEqual({ width: 64, height: 64 });
    const wide = narrowed({ pixels: 2 ** 18 });
    const { width, height } = checkOptions({ prompt: 'x', image: image(999, 333) }, wide).size;
    expect([width * height <= 2 ** 18, width * height > 0.99 * 2 ** 18, Math.round(width / height)]).toEqual([true, true, 3]);
  });

  test.each<[unknown, string]>([
    [{ count: 1001 }, 'count 1001: expected a whole number from 1 to 1000'],
    [{ steps: [101] }, 'steps[0] 101: expected some of 1 to 100'],
    [{ steps: [] }, 'steps []: expected some of 1 to 100'],
    [{ cuont: 1 }, 'no option "cuont": did you mean count?'],
    [7, 'limits is 7: expected an object such as { count: 4 }'],
  ])('only narrower ones: %o', (given, message) => {
    expect(() => narrowed(given as never)).toThrow(message);
  });
});

test('the type of a request comes from its rows', () => {
  expectTypeOf<GenerateOptions['background']>().toEqualTypeOf<'white' | 'transparent' | undefined>();
  expectTypeOf<GenerateOptions['aspect']>().toEqualTypeOf<Aspect | undefined>();
  expectTypeOf<GenerateOptions['prompt']>().toEqualTypeOf<string>();
  expectTypeOf<NonNullable<GenerateOptions['references']>[number]>().toMatchTypeOf<{ slot: number; image: Image }>();
  expectTypeOf<{ prompt: string; style: 'my own' }>().toMatchTypeOf<GenerateOptions>();
  expectTypeOf<{ prompt: string; width: string }>().not.toMatchTypeOf<GenerateOptions>();
});
