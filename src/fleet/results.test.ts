// Results in a folder and in a bucket: one contract. The bucket is on a server of our own at this machine, spoken to by the stock client.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { workFolder } from '../../test/command.ts';
import { s3Server, type S3Server } from '../../test/s3-server.ts';
import { openResults, resultsPlace } from './results.ts';

const { folder, remove } = workFolder();
let s3: S3Server;
beforeAll(async () => {
  s3 = await s3Server();
  vi.stubEnv('AWS_ENDPOINT_URL', s3.url);
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'me');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'secret');
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await s3.close();
  remove();
});

describe.each([
  ['a folder', join(folder, 'results')],
  ['a bucket', 's3://shop/pictures/'],
])('%s', (_, place) => {
  test('keeps what is written, whole, until it is removed', async () => {
    const results = await openResults(place);
    const bytes = new Uint8Array(3000).map((_, i) => i % 251);
    expect(await results.has('a/0.png')).toBe(false);
    await expect(results.read('a/0.png')).rejects.toMatchObject({ code: expect.stringMatching(/\.read$/) });
    await results.write('a/0.png', bytes);
    await results.write('a/1.png', new Uint8Array([1]));
    await results.write('a/1.png', new Uint8Array([2]));
    expect(await results.has('a/0.png')).toBe(true);
    expect(await results.read('a/0.png')).toEqual(bytes);
    expect(await results.read('a/1.png')).toEqual(new Uint8Array([2]));
    await results.remove(['a/0.png', 'a/never.png']);
    expect([await results.has('a/0.png'), await results.has('a/1.png')]).toEqual([false, true]);
  });
});

test('where they lie', () => {
  expect(existsSync(join(folder, 'results', 'a', '1.png'))).toBe(true);
  expect([...s3.files.keys()]).toEqual(['shop/pictures/a/1.png']);
  expect(resultsPlace('x')).toBe('x');
  vi.stubEnv('BANANA_RESULTS', 's3://y/z');
  expect(resultsPlace()).toBe('s3://y/z');
});

test('what a bucket refuses is told by its name; what is no place is refused', async () => {
  const locked = await openResults('s3://locked');
  for (const work of [() => locked.read('x'), () => locked.write('x', new Uint8Array(1)), () => locked.has('x')])
    await expect(work()).rejects.toMatchObject({
      code: expect.stringMatching(/^results\./),
      message: expect.stringContaining('s3://locked/x'),
    });
  for (const place of ['http://example.com/x', 's3://', 's3://UPPER/x', 'ftp://x'])
    await expect(openResults(place)).rejects.toMatchObject({ code: 'results.place' });
});
