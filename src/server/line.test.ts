import { expect, test } from 'vitest';
import { openLine, type Place } from './line.ts';

const never = new AbortController().signal;

test('two have their turn, the others follow in the order they came; a place is left as often as one likes', async () => {
  const line = openLine(3);
  const order: number[] = [];
  const places: Place[] = Array.from({ length: 5 }, () => line.enter(1));
  places.forEach((place, i) => void place.turn(never).then(() => order.push(i)));
  const settled = () => new Promise((done) => setImmediate(done));
  await settled();
  expect([order, line.running, line.waiting, places.map((place) => place.ahead())]).toEqual([[0, 1], 2, 3, [0, 0, 1, 2, 3]]);
  expect(() => line.enter(1)).toThrow(expect.objectContaining({ code: 'server.full' }));
  const extra = line.enter(1, { unbounded: true });
  places[3]!.leave(); // one that waits goes
  places[0]!.leave();
  places[0]!.leave();
  await settled();
  expect([order, extra.ahead()]).toEqual([[0, 1, 2], 2]);
  const stop = new AbortController();
  const waits = extra.turn(stop.signal);
  stop.abort(new Error('enough'));
  await expect(waits).rejects.toThrow('enough');
  const empty = line.empty();
  for (const place of [...places, extra]) place.leave();
  await empty;
  expect([line.running, line.waiting]).toEqual([0, 0]);
});

test('the time that is left is known once a picture was drawn: all pictures before it, and its own', () => {
  const line = openLine(9);
  const [first, second] = [line.enter(3), line.enter(2)];
  expect([first.eta(), line.retryAfter()]).toEqual([undefined, 1]);
  first.drawn();
  const seconds = line.seconds()!;
  expect(seconds).toBeGreaterThan(0);
  expect([first.eta(), second.eta()]).toEqual([2 * seconds, 4 * seconds]);
});
