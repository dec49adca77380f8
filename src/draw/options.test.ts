import { describe, expect, test } from 'vitest';
import { image } from '../image/image.ts';
import { InputError } from '../util/errors.ts';
import { checkOptions } from './text-to-image.ts';

const refusal = (options: unknown): unknown => {
  try {
    checkOptions(options as never);
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
    ['image is the text "x.png": expected a picture { width, height, data: Uint8ClampedArray }; read and decode the file first', { image: 'x.png' }],
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
    ['signal is an object: expected an AbortSignal; give the controller\'s signal', { signal: new AbortController() }],
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
  ['negativePrompt', 'there are no negative prompts: say in prompt what is to be there'],
  ['negative_prompt', 'there are no negative prompts'],
  ['model', 'openBanana takes it'],
  ['widht', 'did you mean width?'],
  ['promt', 'did you mean prompt?'],
  ['Seed', 'did you mean seed?'],
  ['toString', 'there are prompt, style, '],
  ['x', 'there are prompt, style, '],
])('no option %s', (key, message) => {
  expect(refusal({ prompt: 'x', [key]: 1 })).toMatchObject({ code: 'options.unknown', message: expect.stringContaining(`no option "${key}": ${message}`) });
});

test('what is undefined is left out; a signal and every option are taken', () => {
  const signal = new AbortController().signal;
  expect(refusal({ prompt: 'x', style: undefined, seed: undefined, image: undefined, references: undefined, signal: undefined })).toBeUndefined();
  const every = { style: 'flat', background: 'transparent', width: 64, height: 64, aspect: '1:1', image: image(8, 8), strength: 0.5, seed: 0, steps: 1, count: 2, guidance: 1, preview: 0, detail: 1 };
  expect(refusal({ prompt: 'x <1>', ...every, references: [{ slot: 1, image: image(8, 8) }], peels: [{ name: 'ink' }], signal })).toBeUndefined();
});
