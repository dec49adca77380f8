// What every face of the SDK keeps with every family of models, wherever its engine is: the order of requests, cancelling, closing.
import { afterAll, beforeAll, expect, test } from 'vitest';
import type * as node from '../src/node/index.ts';
import type { Banana, DrawOptions } from '../src/sdk/banana.ts';
import type * as web from '../src/web/index.ts';

export const small: DrawOptions = { prompt: 'a fox', seed: 3, steps: 2, width: 64, height: 64 };
/** Above the size at which the decoder is given back while pixels are made. */
export const large: DrawOptions = { ...small, width: 2056, height: 2056 };
const CLOSED = { name: 'RuntimeError', code: 'engine.closed' };

/** Declares the tests of a face: what `open` gives keeps the contract. */
export const keepsContract = (open: () => Promise<Banana>): void => {
  let banana: Banana;
  beforeAll(async () => void (banana = await open()));
  afterAll(() => banana.close());

  test('three at once, two of them large, come in the order asked, each as it comes alone', async () => {
    const order: number[] = [];
    const drawn = await Promise.all(
      [large, small, large].map(async (request, i) => {
        const picture = await banana.picture({ ...request, seed: i });
        order.push(i);
        return picture;
      }),
    );
    expect(order).toEqual([0, 1, 2]);
    expect(drawn.map(({ image }) => [image.width, image.data.length])).toEqual([2056, 64, 2056].map((side) => [side, side * side * 4]));
    const alone = await banana.picture({ ...small, seed: 1 });
    expect(Buffer.from(alone.image.data).equals(Buffer.from(drawn[1]!.image.data))).toBe(true);
  });

  test('a loop may ask for something else in its middle, and be left', async () => {
    const seen: string[] = [];
    for await (const event of banana.generate({ ...small, count: 9 })) {
      if (event.type !== 'image') continue;
      seen.push(`${event.index} ${(await banana.picture(small)).image.width}`);
      if (event.index === 1) break;
    }
    expect(seen).toEqual(['0 64', '1 64']);
  });

  test('one that was begun and forgotten holds nobody up', async () => {
    await banana.generate({ ...small, count: 1000 }).next();
    expect((await banana.picture(small)).image.width).toBe(64);
  });

  test('cancelled while it draws and while it waits: both reject with the reason, and the next is drawn', async () => {
    const [running, waiting] = [new AbortController(), new AbortController()];
    const first = banana.generate({ ...small, count: 1000, signal: running.signal });
    await first.next();
    const left: string[] = [];
    const second = banana.picture({ ...large, signal: waiting.signal }).catch((reason: unknown) => left.push(`second ${reason}`));
    const third = banana.picture(small).then(() => left.push('third'));
    waiting.abort('not now');
    await second;
    running.abort('enough');
    await expect(first.next()).rejects.toBe('enough');
    await third;
    expect(left).toEqual(['second not now', 'third']);
    await expect(banana.picture({ ...small, signal: AbortSignal.abort('before') })).rejects.toBe('before');
  });

  test('typing beside a request: both are drawn', async () => {
    const live = banana.live({ prompt: 'a fox', width: 64, height: 64, steps: 2, rest: 0, fps: 0 });
    const asked = banana.picture(small);
    live.end();
    const kinds: string[] = [];
    for await (const { kind } of live.frames) kinds.push(kind);
    expect([kinds, (await asked).image.width]).toEqual([['preview', 'settled'], 64]);
  });

  test('closed: what is under way, what waits and what comes later is told so', async () => {
    const own = await open();
    const idle = own.live().frames.next();
    const left = own.live();
    left.close();
    const under = own.generate({ ...large, count: 2 });
    await under.next();
    const refused = [under.next(), own.picture(small), idle].map((request) => expect(request).rejects.toMatchObject(CLOSED));
    await Promise.all([own.close(), own.close()]);
    await Promise.all(refused);
    expect(await left.frames.next()).toEqual({ done: true, value: undefined });
    await expect(own.picture(small)).rejects.toMatchObject(CLOSED);
    await expect(own.generate(small).next()).rejects.toMatchObject(CLOSED);
    expect(() => own.live()).toThrow('the engine was closed');
    const more = own as Banana & Partial<web.WebBanana & node.NodeBanana>;
    if (more.peakRssBytes) await expect(more.peakRssBytes()).rejects.toMatchObject(CLOSED);
    if (more.addPeel) await expect(more.addPeel(new Uint8Array())).rejects.toMatchObject(CLOSED);
    if (more.removePeel) await expect(more.removePeel('x')).rejects.toMatchObject(CLOSED);
    if (more.trainPeel) await expect(more.trainPeel([], { name: 'x' } as never).next()).rejects.toMatchObject(CLOSED);
  });
};
