// From a file's bytes to requests: rows, columns, names.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { encodeImage } from '../disk/codec.ts';
import { image } from '../image/image.ts';
import { checkColumn, requestOf, valuesOf } from './columns.ts';
import { namesOf } from './names.ts';
import { readRows } from './rows.ts';

const folder = mkdtempSync(join(tmpdir(), 'banana-rows-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** What each row of a file says: its values, or why it says none. */
async function read(name: string, text: string | Uint8Array): Promise<unknown[]> {
  const path = join(folder, name);
  writeFileSync(path, text);
  const rows: unknown[] = [];
  for await (const row of readRows(path))
    try {
      rows.push(valuesOf(row));
    } catch (error) {
      rows.push((error as Error).message);
    }
  return rows;
}

describe('rows', () => {
  it.each([
    [
      'objects, blank lines, a byte order mark, no end',
      'a.jsonl',
      '\ufeff{"prompt":"a","seed":1}\r\n\n{"prompt":"b","style":null}',
      [{ prompt: 'a', seed: 1 }, { prompt: 'b' }],
    ],
    [
      'lines that are none',
      'a.ndjson',
      '{"prompt":\n["a"]\n"a"\n{"prompt":"c"}\n',
      [
        expect.stringMatching(/found \{"prompt":: expected an object/),
        expect.stringMatching(/found \["a"\]/),
        expect.stringMatching(/found "a"/),
        { prompt: 'c' },
      ],
    ],
    [
      'a table',
      'a.csv',
      '\ufeffprompt,seed,aspect\r\n"a ""big"" fox, red",7,\r\nb,,16:9\r\n',
      [
        { prompt: 'a "big" fox, red', seed: 7 },
        { prompt: 'b', aspect: '16:9' },
      ],
    ],
    ['semicolons, as spreadsheets of some countries write', 'b.csv', 'prompt;steps\n"a, b";2\n', [{ prompt: 'a, b', steps: 2 }]],
    ['tabs', 'a.tsv', 'prompt\tsteps\na, b;c\t2\n', [{ prompt: 'a, b;c', steps: 2 }]],
    [
      'rows that do not fit the columns',
      'c.csv',
      'prompt,seed\na,b,c\nd\na 12" disk,3\n',
      [
        expect.stringMatching(/found 3 cells, expected 2.*double quotes/),
        expect.stringMatching(/found 1 cells, expected 2/),
        { prompt: 'a 12" disk', seed: 3 },
      ],
    ],
    [
      'a quote that is never closed costs its own row',
      'd.csv',
      'prompt\na\n"b\nc\n"d\n\ne"\n',
      [{ prompt: 'a' }, expect.stringMatching(/a quote is never closed: "b/), { prompt: 'c' }, { prompt: 'd\n\ne' }],
    ],
    [
      'and is not looked for to the end of the file',
      'g.csv',
      `prompt\n"a\n${'x\n'.repeat(300)}`,
      [expect.stringMatching(/a quote is never closed: "a/), ...Array.from({ length: 300 }, () => ({ prompt: 'x' }))],
    ],
    [
      'letters of another encoding',
      'e.csv',
      Buffer.from('prompt\ncaf\xe9\ntea\n', 'latin1'),
      [expect.stringMatching(/not UTF-8/), { prompt: 'tea' }],
    ],
    [
      'lists in cells',
      'f.csv',
      'prompt,references,peels\n<1>,1=a.png; 2 = b c.png,ink:0.8;my/felt.safetensors:-1;x\n',
      [
        {
          prompt: '<1>',
          references: [
            { slot: 1, image: 'a.png' },
            { slot: 2, image: 'b c.png' },
          ],
          peels: [{ name: 'ink', weight: 0.8 }, { path: 'my/felt.safetensors', weight: -1 }, { name: 'x' }],
        },
      ],
    ],
  ])('%s', async (_, name, text, rows) => expect(await read(name, text)).toEqual(rows));

  it('a line of any length is one bad row', async () => {
    expect(await read('long.jsonl', `{"prompt":"a"}\n${'x'.repeat(2 ** 22 + 9)}\n{"prompt":"b"}`)).toEqual([
      { prompt: 'a' },
      expect.stringMatching(/more than 4194304 bytes/),
      { prompt: 'b' },
    ]);
  });

  it('refuses files that are none', async () => {
    await expect(read('a.txt', '')).rejects.toMatchObject({ code: 'batch.file' });
    await expect(read('twice.csv', 'prompt,prompt\na,b\n')).rejects.toMatchObject({ code: 'batch.columns' });
    await expect(readRows(join(folder, 'none.csv')).next()).rejects.toMatchObject({ code: 'file.read' });
    await expect(readRows(join(folder, 'none.jsonl')).next()).rejects.toMatchObject({ code: 'file.read' });
  });
});

describe('columns', () => {
  const none = new Set<string>();

  it('files become pictures, found beside the batch', async () => {
    writeFileSync(join(folder, 'one.png'), await encodeImage(image(8, 8), 'png'));
    const request = await requestOf(
      { prompt: 'a <1>', image: 'one.png', strength: 0.5, references: [{ slot: 1, image: 'one.png' }], peels: [{ path: 'x.safetensors' }] },
      folder,
      none,
    );
    expect(request).toMatchObject({
      image: { width: 8, height: 8 },
      references: [{ slot: 1, image: { width: 8 } }],
      peels: [{ path: join(folder, 'x.safetensors') }],
    });
    await expect(requestOf({ prompt: 'a', image: 'no.png' }, folder, none)).rejects.toThrow(/cannot read .*no\.png/);
    await expect(requestOf({ prompt: 'a', image: 7 }, folder, none)).rejects.toThrow(/expected the path/);
  });

  it('what cannot be is refused as in any request; columns of the name are left out', async () => {
    expect(await requestOf({ prompt: 'a', sku: 'x' }, folder, new Set(['sku']))).toEqual({ prompt: 'a' });
    await expect(requestOf({ prompt: 'a', sku: 'x' }, folder, none)).rejects.toMatchObject({ code: 'options.unknown' });
    await expect(requestOf({ prompt: 'a', seed: 'x' }, folder, none)).rejects.toMatchObject({ code: 'options.type' });
    await expect(requestOf({ prompt: 'a', references: 'x' }, folder, none)).rejects.toMatchObject({ code: 'options.type' });
    expect(() => checkColumn('cfg_scale')).toThrow(/it is guidance here/);
    await expect(requestOf({ prompt: 'a', constructor: 'x' }, folder, none)).rejects.toMatchObject({ code: 'options.unknown' });
    expect(() => checkColumn('signal')).toThrow(/not for batches/);
  });
});

describe('names', () => {
  const path = (template: string, values: Record<string, unknown>, { row = 7, seed = 42, index = 0, count = 1 } = {}) => {
    const names = namesOf(template);
    return names.path(names.rowName(values, row), seed, index, count);
  };

  it.each([
    ['{row}', {}, {}, '00007.png'],
    ['{row}', {}, { index: 1, count: 2 }, '00007-2.png'],
    ['{style}/{sku}-{seed}_{index}.webp', { style: 'flat', sku: 5 }, { index: 1, count: 2 }, 'flat/5-42_2.webp'],
    ['{prompt}', { prompt: '  ../../etc/passwd: a "fox"\n' }, {}, 'etc-passwd-a-fox-.png'.replace('-.', '.')],
    ['{prompt}.jpg', { prompt: 'x'.repeat(300) }, {}, `${'x'.repeat(80)}.jpg`],
    ['{prompt}', { prompt: '{seed}' }, {}, 'seed.png'],
  ])('%s', (template, values, at, expected) => expect(path(template, values, at)).toBe(expected));

  it.each(['../{row}', '/{row}', '{row', 'a}', '{}', 'a//b', './{row}', '{row}.gif', 'a\\b'])('no name: %s', (template) =>
    expect(() => namesOf(template)).toThrow(/the name "/),
  );
  it('a row without the value', () => expect(() => path('{sku}', {})).toThrow(/no sku for the name/));
});
