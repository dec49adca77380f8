// What of a picture crosses from the worker to the page.
import { readFileSync } from 'node:fs';
import { afterAll, expect, test } from 'vitest';
import { tinyModel, workFolder } from '../../test/command.ts';
import { built } from '../../test/build.ts';
import { webWorker } from '../../test/web-worker.ts';
import type { GenerateEvent } from '../draw/events.ts';
import { image, type Image } from '../image/image.ts';
import { connect, serve, type Channel } from '../runtime/engine.ts';
import { crossing } from './crossing.ts';
import { openBanana, openBananaWorker } from './index.ts';

const { folder, remove } = workFolder();
afterAll(remove);

const bytesOf = ({ data }: Image) => data.buffer.byteLength;
const pixels = (event: GenerateEvent) => (event.type === 'render' ? event.rows?.image : 'image' in event ? event.image : undefined);

test('each strip crosses once, as itself, and the picture not again: the page puts it together', async () => {
  const options = { model: new Uint8Array(readFileSync(await tinyModel(folder))), runtime: 'wasm', threads: 1 } as const;
  const request = { prompt: 'a fox', seed: 3, steps: 1, width: 520, height: 1100 };
  const worker = webWorker(built('src/web/worker.ts'));
  const crossed: Record<string, number[]> = {};
  worker.addEventListener('message', ({ data: { event } }: MessageEvent<{ event?: GenerateEvent }>) => {
    const sent = event && pixels(event);
    if (sent) (crossed[event.type] ??= []).push(bytesOf(sent));
  });
  const [there, here] = [await openBananaWorker(worker, options), await openBanana(options)];
  const [a, b] = [await there.picture(request), await here.picture(request)];
  expect(a.image.width).toBe(520);
  expect(Buffer.from(a.image.data).equals(Buffer.from(b.image.data))).toBe(true);
  expect(crossed.render!.length).toBeGreaterThan(1);
  expect(crossed.render!.reduce((sum, n) => sum + n)).toBe(a.image.data.length);
  expect(crossed.image).toEqual([0]);
  await there.close();
  await here.close();
}, 120_000);

test('pixels are handed over, those of a view first copied; what they were taken from stays whole', async () => {
  const { port1, port2 } = new MessageChannel();
  const channel = (port: MessagePort): Channel => ({
    send: (message, transfer = []) => port.postMessage(message, [...transfer]),
    listen: (receive) => void (port.onmessage = (e) => receive(e.data as never)),
  });
  const whole = image(4, 100);
  const told: GenerateEvent[] = [];
  const strip = { ...image(4, 10), data: whole.data.subarray(160, 320) };
  const small = image(2, 2);
  const drawn = async function* (): AsyncGenerator<GenerateEvent, void, void> {
    yield { type: 'render', index: 0, tile: 1, tiles: 10, rows: { y: 10, of: 100, image: strip } };
    yield { type: 'preview', index: 0, step: 1, steps: 1, image: small };
  };
  const kept = async function* () {
    for await (const event of crossing(drawn())) yield (told.push(event), event);
  };
  const { engine } = connect<{ draw: () => AsyncGenerator<GenerateEvent, void, void> }>(channel(port1));
  serve({ draw: kept }, channel(port2));
  const arrived: number[] = [];
  for await (const event of engine.stream('draw', undefined as never)) arrived.push(bytesOf(pixels(event)!));
  expect(arrived).toEqual([160, 16]);
  expect(told.map((event) => bytesOf(pixels(event)!))).toEqual([0, 0]);
  expect(bytesOf(whole)).toBe(1600);
  port1.close();
});
