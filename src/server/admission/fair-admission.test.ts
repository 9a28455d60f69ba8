import { isAppError } from '../../errors';
import { createFairAdmission, type FairAdmissionOptions, type Place } from './fair-admission';
import type { LoopRoom } from './loop-room';

/** Room for so many, whatever the loop does. */
const roomFor = (limit: number): LoopRoom => ({
  limit,
  look: () => undefined,
});

const places: Place[] = [];

function admissionOf(limit: number, change: Partial<FairAdmissionOptions> = {}) {
  const admission = createFairAdmission({
    room: roomFor(limit),
    queueLimit: 100,
    timeoutMs: 60_000,
    ...change,
  });
  const order: string[] = [];
  return {
    admission,
    order,
    /** Notes the name once the place is had. */
    take(who: string, name = who): Place {
      const place = admission.take(who);
      places.push(place);
      place.admitted?.then(() => order.push(name)).catch(() => order.push(`${name} refused`));
      return place;
    },
  };
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const eventually = async (holds: () => boolean): Promise<void> => {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5));
};
const refusalOf = (work: () => unknown): string => {
  try {
    work();
    return 'none';
  } catch (error) {
    return isAppError(error) ? error.code : 'other';
  }
};

describe('fair admission', () => {
  afterEach(() => places.splice(0).forEach((place) => place.leave()));

  it('lets everybody in without a promise while there is room', () => {
    const { admission, take } = admissionOf(3);
    expect(['a', 'a', 'b'].map((who) => take(who).admitted)).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    expect(admission.stats()).toMatchObject({ running: 3, waiting: 0, waits: 0 });
  });

  it('makes one tenant wait for its own operations, first come, first served', async () => {
    const { take, order } = admissionOf(2);
    const [first, second] = [take('a'), take('a')];
    take('a', 'third');
    take('a', 'fourth');
    first.leave();
    await settled();
    expect(order).toEqual(['third']);
    second.leave();
    await settled();
    expect(order).toEqual(['third', 'fourth']);
  });

  it('never lets a tenant wait that has none in execution, however many others have', () => {
    const { admission, take } = admissionOf(2);
    for (let count = 0; count < 10; count += 1) take('flooder');
    expect(take('quiet').admitted).toBeUndefined();
    expect(take('other').admitted).toBeUndefined();
    expect(admission.stats()).toMatchObject({ running: 4, waiting: 8 });
  });

  it('gives the place that comes free to the tenant with the fewest in execution', async () => {
    const { take, order } = admissionOf(4);
    const held = ['flooder', 'flooder', 'flooder', 'flooder'].map((who) => take(who));
    for (let count = 0; count < 5; count += 1) take('flooder');
    take('quiet'); // in at once
    take('quiet', 'quiet again');
    held[0]?.leave();
    held[1]?.leave();
    await settled();
    expect(order).toEqual(['quiet again']);
  });

  it('serves tenants that have as many in turn', async () => {
    const { take, order } = admissionOf(1);
    const held = new Map(['a', 'b', 'c'].map((who) => [who, take(who)]));
    for (const who of ['a', 'a', 'b', 'c', 'c']) {
      const place = take(who);
      void place.admitted?.then(() => held.set(who, place));
    }
    for (const who of ['a', 'b', 'c', 'a', 'c']) {
      held.get(who)?.leave();
      await settled();
    }
    expect(order).toEqual(['a', 'b', 'c', 'a', 'c']);
  });

  it('gives what comes free again to another of those that have as many', async () => {
    const { take, order } = admissionOf(3);
    const [, , third] = ['a', 'b', 'c'].map((who) => take(who));
    const second = take('a', 'second of a');
    take('a', 'third of a');
    take('b', 'second of b');
    third?.leave();
    second.leave();
    await settled();
    expect(order).toEqual(['second of a', 'second of b']);
  });

  it('gives a place back once, however often it is left', async () => {
    const { admission, take } = admissionOf(1);
    const first = take('a');
    const [second, third] = [take('a'), take('a')];
    first.leave();
    first.leave();
    await settled();
    expect(admission.stats()).toMatchObject({ running: 1, waiting: 1 });
    second.leave();
    second.leave();
    third.leave();
    third.leave();
    expect(admission.stats()).toMatchObject({ running: 0, waiting: 0 });
  });

  it('forgets who leaves while it waits, and serves the one behind', async () => {
    const { admission, take, order } = admissionOf(1);
    const first = take('a');
    const gone = take('a', 'gone');
    take('a', 'behind');
    gone.leave();
    gone.leave();
    first.leave();
    await settled();
    expect(new Set(order)).toEqual(new Set(['gone refused', 'behind']));
    expect(admission.stats()).toMatchObject({ running: 1, waiting: 0 });
  });

  it('refuses a tenant that has half of the queue, and nobody else', () => {
    const { admission, take } = admissionOf(1, { queueLimit: 4 });
    for (let count = 0; count < 3; count += 1) take('flooder');
    expect(refusalOf(() => take('flooder'))).toBe('OVERLOADED');
    take('quiet');
    expect(refusalOf(() => take('quiet'))).toBe('none');
    expect(admission.stats().refused).toEqual({ queue_full: 1, timeout: 0 });
  });

  it('refuses everybody who would have to wait once the queue is full', () => {
    const { take } = admissionOf(1, { queueLimit: 2 });
    for (const who of ['a', 'a', 'b', 'b']) take(who);
    expect(refusalOf(() => take('b'))).toBe('OVERLOADED');
    expect(refusalOf(() => take('c'))).toBe('none'); // has none in execution
  });

  it('refuses who has waited too long', async () => {
    const { admission, take } = admissionOf(1, { timeoutMs: 5 });
    const first = take('a');
    const late = take('a');
    await expect(late.admitted).rejects.toMatchObject({ code: 'OVERLOADED' });
    late.leave();
    first.leave();
    expect(admission.stats()).toMatchObject({
      running: 0,
      waiting: 0,
      refused: { queue_full: 0, timeout: 1 },
    });
  });

  it('knows whether somebody is let in far less often when it looks how much room there is', async () => {
    const heard: boolean[] = [];
    const room: LoopRoom = {
      ...roomFor(1),
      look: (areQuietThere) => void heard.push(areQuietThere),
    };
    const { take } = admissionOf(1, { room });
    const flood = [take('a'), take('a'), take('a'), take('a'), take('a')];
    await eventually(() => heard.length > 0);
    expect(new Set(heard)).toEqual(new Set([false]));
    for (const place of flood.slice(0, 4)) {
      place.leave();
      await settled();
    }
    take('a');
    take('b');
    heard.splice(0);
    await eventually(() => heard.length > 0);
    expect(new Set(heard)).toEqual(new Set([true]));
  });

  it('looks also where there is room, once a tenant asks for more than one thing', () => {
    const heard: boolean[] = [];
    const room: LoopRoom = {
      ...roomFor(10),
      look: (_areQuietThere, isShort) => void heard.push(isShort),
    };
    const { take } = admissionOf(10, { room });
    take('a');
    expect(heard).toEqual([]);
    take('a');
    expect(heard).toEqual([false]);
  });

  it('never looks twice at so short a time that what it sees is chance', () => {
    jest.useFakeTimers();
    try {
      const looks: number[] = [];
      const room: LoopRoom = { ...roomFor(1), look: () => void looks.push(performance.now()) };
      jest.advanceTimersByTime(100);
      const begunAt = performance.now();
      const { take } = admissionOf(1, { room });
      const [first] = [take('a'), take('a')]; // one waits: looks now and every 20 ms
      jest.advanceTimersByTime(20);
      first?.leave();
      jest.advanceTimersByTime(5);
      take('a'); // waits: every 20 ms from here on
      jest.advanceTimersByTime(16);
      take('a'); // looks, for it has been long enough
      jest.advanceTimersByTime(24);
      expect(looks.map((at) => at - begunAt)).toEqual([0, 20, 41, 65]);
    } finally {
      jest.useRealTimers();
    }
  });

  it('looks how much room there is before it lets anybody wait', () => {
    let limit = 1;
    const room: LoopRoom = {
      get limit() {
        return limit;
      },
      look: () => void (limit = 2),
    };
    const { take } = admissionOf(1, { room });
    expect([take('a').admitted, take('a').admitted]).toEqual([undefined, undefined]);
    expect(take('a').admitted).toBeInstanceOf(Promise);
  });

  it('lets more in when it finds the loop idle while somebody waits', async () => {
    let [limit, looks] = [1, 0];
    const room: LoopRoom = {
      get limit() {
        return limit;
      },
      look: () => {
        looks += 1;
        if (looks > 1) limit = 3;
      },
    };
    const { take, order, admission } = admissionOf(1, { room });
    const [, , third] = ['first', 'second', 'third', 'fourth'].map((name) => take('a', name));
    await third?.admitted;
    expect(order).toEqual(['second', 'third']);
    expect(admission.stats()).toMatchObject({ running: 3, waiting: 1, limit: 3 });
  });
});
