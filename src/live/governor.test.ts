import { describe, expect, test } from 'vitest';
import { governor, LEVELS, type Governor, type LevelChange } from './governor.ts';

/** A machine whose frames take `seconds(level)`; plays `duration` seconds of frames. */
function play(one: Governor, clock: { now: number }, duration: number, seconds: () => number): LevelChange[] {
  const changes: LevelChange[] = [];
  for (const end = clock.now + duration; clock.now < end; ) {
    const took = seconds();
    clock.now += Math.max(took, 0.01);
    const change = one.frame(took);
    if (change) changes.push(change);
  }
  return changes;
}
function machine(fps = 25) {
  const clock = { now: 100 };
  return { clock, one: governor({ fps, now: () => clock.now }) };
}
const cost = ({ level }: Governor) => level.detail * 0.5 + (level.pixels / 256) ** 2 * 0.5;

describe('governor', () => {
  test('a fast machine stays at the best level', () => {
    const { clock, one } = machine();
    expect(play(one, clock, 60, () => 0.02)).toEqual([]);
    expect(one.level).toBe(LEVELS[0]);
    expect(one.times).toMatchObject({ mean: expect.closeTo(0.02), p95: 0.02 });
  });

  test('a slow one loses tokens first, until the rate is held, and says so', () => {
    const { clock, one } = machine();
    const changes = play(one, clock, 30, () => 0.06 * cost(one));
    expect(changes.map(({ to }) => to)).toEqual([LEVELS[1], LEVELS[2]]);
    expect(changes[0]!.reason).toBe('previews lowered to 56 % of the tokens: frames took 60 ms, 95 % at most 60 ms, for 25 a second');
    expect(one.times.mean).toBeLessThanOrEqual(1 / 25);
  });

  test('at the last level it goes on, whatever the frames take', () => {
    const { clock, one } = machine();
    expect(play(one, clock, 60, () => 1).length).toBe(LEVELS.length - 1);
    expect(one.level).toBe(LEVELS.at(-1));
  });

  test('when the load is gone it comes back, one level at a time', () => {
    const { clock, one } = machine();
    let load = 4;
    play(one, clock, 10, () => 0.03 * load * cost(one));
    expect(one.level).not.toBe(LEVELS[0]);
    load = 0.5;
    const changes = play(one, clock, 60, () => 0.03 * load * cost(one));
    expect(one.level).toBe(LEVELS[0]);
    changes.forEach(({ from, to }) => expect(LEVELS.indexOf(to)).toBe(LEVELS.indexOf(from) - 1));
  });

  test('on the edge between two levels it does not swing', () => {
    const { clock, one } = machine();
    let frame = 0;
    const changes = play(one, clock, 300, () => 0.043 * cost(one) * (frame++ % 2 ? 1.1 : 0.9));
    expect(changes.length).toBeLessThanOrEqual(2);
  });

  test('each failed attempt to go up makes the next one wait longer', () => {
    const { clock, one } = machine();
    const changes = play(one, clock, 240, () => (one.level === LEVELS[0] ? 0.07 : 0.005)); // looks cheap from below, is not
    const ups = changes.filter(({ to }) => to === LEVELS[0]);
    expect(ups.length).toBeGreaterThan(1);
    expect(ups.length).toBeLessThan(9); // not one each 3 seconds
  });

  test('cold frames at the start count for nothing', () => {
    const { clock, one } = machine();
    let frame = 0;
    expect(play(one, clock, 20, () => (frame++ < 5 ? 0.3 : 0.03))).toEqual([]);
    expect(one.times.mean).toBeCloseTo(0.03);
  });

  test('one slow frame changes nothing; many of them do', () => {
    const { clock, one } = machine();
    let frame = 0;
    expect(play(one, clock, 20, () => (frame++ === 50 ? 0.09 : 0.03))).toEqual([]);
    frame = 0;
    expect(play(one, clock, 20, () => (frame++ % 10 === 0 ? 0.1 : 0.02)).length).toBeGreaterThan(0); // the mean is fine, p95 is not
  });
});
