// Against Node's own, in pieces of any length.
import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { sha256Hasher } from './sha256.ts';

test.each([[[0]], [[3]], [[55]], [[56]], [[64]], [[119, 1]], [[1, 62, 1, 130, 7, 0, 55]], [[1000, 3, 61]]])(
  'pieces of %j bytes',
  (lengths) => {
    const [own, theirs] = [sha256Hasher(), createHash('sha256')];
    lengths.forEach((length, i) => {
      const piece = Uint8Array.from({ length }, (_, k) => (k * 31 + i * 7) & 255);
      own.update(piece);
      theirs.update(piece);
    });
    expect(own.digest()).toBe(theirs.digest('hex'));
  },
);
