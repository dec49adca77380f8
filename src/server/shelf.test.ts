// Models of which only some are open: who is asked is opened, who was asked least recently is closed first, nobody while it draws.
import { expect, test } from 'vitest';
import { fakeBanana, soon, type FakeBanana } from '../../test/fake-banana.ts';
import { RuntimeError } from '../util/errors.ts';
import { openShelf, type Shelf } from './shelf.ts';

/** A shelf of some names, and what was opened and closed there. */
async function shelfOf(names: readonly string[], most: number, open?: (name: string) => void) {
  const log: string[] = [];
  const fakes = new Map<string, FakeBanana>();
  const models = names.map((name) => {
    const fake = fakeBanana({ model: { name } });
    const { runtime: _, precision: __, ...model } = fake.model;
    fakes.set(name, fake);
    return {
      model,
      async open() {
        open?.(name);
        log.push(`open ${name}`);
        return { ...fake, close: async () => void log.push(`close ${name}`) };
      },
    };
  });
  const shelf = await openShelf(models, most);
  return { shelf, log, fakes };
}
async function draw({ bananas }: Shelf, at: number, prompt = 'a fox', signal?: AbortSignal): Promise<number> {
  let pictures = 0;
  for await (const { type } of bananas[at]!.generate({ prompt, width: 64, height: 64, seed: 1, ...(signal && { signal }) }))
    if (type === 'image') pictures++;
  return pictures;
}

test('as many are open as may be: the one that was asked least recently makes room', async () => {
  const { shelf, log } = await shelfOf(['a', 'b', 'c'], 2);
  expect(log).toEqual(['open a']);
  expect(shelf.bananas.map(({ model }) => [model.name, model.runtime, model.precision])).toEqual([
    ['a', 'none', 'float32'],
    ['b', 'none', undefined], // not known before it is open
    ['c', 'none', undefined],
  ]);
  for (const at of [1, 0, 2, 0, 1]) expect(await draw(shelf, at)).toBe(1);
  expect(log).toEqual(['open a', 'open b', 'close b', 'open c', 'close c', 'open b']);
  expect(shelf.bananas[1]!.model.precision).toBe('float32');
  await shelf.close();
  expect(log.slice(6).sort()).toEqual(['close a', 'close b']);
  await expect(draw(shelf, 0)).rejects.toMatchObject({ code: 'engine.closed' });
});

test('one that draws is not closed: who needs its room waits, in order, or leaves', async () => {
  const { shelf, log, fakes } = await shelfOf(['a', 'b'], 1);
  const held = draw(shelf, 0, 'hold');
  await soon(() => expect(fakes.get('a')!.log).toEqual(['begin hold 1']));
  const gone = new AbortController();
  const left = draw(shelf, 1, 'an owl', gone.signal);
  const waits = draw(shelf, 1);
  gone.abort(new DOMException('gone', 'AbortError'));
  await expect(left).rejects.toMatchObject({ name: 'AbortError' });
  expect(log).toEqual(['open a']);
  fakes.get('a')!.release();
  expect(await Promise.all([held, waits])).toEqual([1, 1]);
  expect(log).toEqual(['open a', 'close a', 'open b']);
  expect(fakes.get('b')!.log).toEqual(['begin a fox 1', 'end a fox 1']);
  await shelf.close();
});

test('one that does not open is told to who asked, and tried again', async () => {
  let broken = true;
  const { shelf, log } = await shelfOf(['a', 'b'], 1, (name) => {
    if (name === 'b' && broken) throw new RuntimeError('engine.start', 'no memory');
  });
  await expect(draw(shelf, 1)).rejects.toMatchObject({ code: 'engine.start' });
  expect(await draw(shelf, 0)).toBe(1);
  broken = false;
  expect(await draw(shelf, 1)).toBe(1);
  expect(log).toEqual(['open a', 'close a', 'open a', 'close a', 'open b']);
  await shelf.close();
});
