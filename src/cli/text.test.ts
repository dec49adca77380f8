import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { quoted, several } from './text.ts';

test.skipIf(process.platform === 'win32').each(['a.png', 'brand new.safetensors', "it's", '$HOME `x` "y" \\', '狐 & co', '', '*'])(
  'a shell reads %j back',
  (word) => {
    expect(execFileSync('sh', ['-c', `printf %s ${quoted(word)}`], { encoding: 'utf8' })).toBe(word);
  },
);
test('a plain word stays as it is', () => expect(quoted('/a/b-c_1.safetensors')).toBe('/a/b-c_1.safetensors'));

test('one, and several', () => {
  expect([0, 1, 2].map((n) => several(n, 'picture'))).toEqual(['0 pictures', '1 picture', '2 pictures']);
});
