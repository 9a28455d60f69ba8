import { DAY, MINUTE } from '../../lib/duration';
import type { Limits } from './plans.store';
import { createRequestCounts } from './request-counts';

const limitsOf = (change: Partial<Limits>): Limits => ({
  users: null,
  records: null,
  storageBytes: null,
  requestsPerMinute: null,
  requestsPerDay: null,
  ...change,
});

/** A registry in memory, with a clock. */
function make({ processes = 1 } = {}) {
  const clock = { now: 100 * DAY };
  const registry = { totals: new Map<string, number>(), down: false };
  const counts = createRequestCounts(
    {
      async addRequests(day, added) {
        if (registry.down) throw new Error('down');
        return new Map(
          [...added].map(([id, requests]) => {
            const total = (registry.totals.get(`${day} ${id}`) ?? 0) + requests;
            registry.totals.set(`${day} ${id}`, total);
            return [id, total];
          }),
        );
      },
      countProcesses: async () => processes,
    },
    () => clock.now,
  );
  const takeMany = (times: number, limits?: Limits): number => {
    let taken = 0;
    for (let time = 0; time < times; time += 1) {
      try {
        counts.take('acme', limits);
        taken += 1;
      } catch {
        // refused
      }
    }
    return taken;
  };
  return { clock, registry, counts, takeMany };
}

describe('requests of a tenant', () => {
  it('are limited within the minute, and come again with the next', () => {
    const { clock, counts, takeMany } = make();
    const limits = limitsOf({ requestsPerMinute: 5 });
    clock.now += 20_000;
    expect(takeMany(8, limits)).toBe(5);
    expect(() => counts.take('acme', limits)).toThrow(
      expect.objectContaining({ code: 'RATE_LIMITED', details: { retryAfterSeconds: 40 } }),
    );
    expect(() => counts.take('globex', limits)).not.toThrow();
    clock.now += MINUTE;
    expect(takeMany(8, limits)).toBe(5);
  });

  it('are limited to this process’ share where there are several', async () => {
    const { counts, takeMany } = make({ processes: 3 });
    await counts.flush();
    expect(takeMany(100, limitsOf({ requestsPerMinute: 30 }))).toBe(10);
  });

  it('are limited within the day by what all processes have counted', async () => {
    const { clock, counts, registry, takeMany } = make();
    const limits = limitsOf({ requestsPerDay: 10 });
    expect(takeMany(4, limits)).toBe(4);
    registry.totals.set('1970-04-11 acme', 5); // of another process
    await counts.flush();
    expect(registry.totals.get('1970-04-11 acme')).toBe(9);
    expect(takeMany(4, limits)).toBe(1);
    clock.now += DAY;
    expect(takeMany(4, limits)).toBe(4);
    await counts.flush();
    expect(registry.totals.get('1970-04-11 acme')).toBe(10);
    expect(registry.totals.get('1970-04-12 acme')).toBe(4);
  });

  it('are kept while the registry is down', async () => {
    const { counts, registry, takeMany } = make();
    registry.down = true;
    takeMany(3);
    await counts.flush();
    takeMany(2);
    await counts.flush();
    registry.down = false;
    await counts.flush();
    expect(registry.totals.get('1970-04-11 acme')).toBe(5);
  });

  it('are counted and not limited while the limits are not known', () => {
    const { takeMany } = make();
    expect(takeMany(1000)).toBe(1000);
  });
});
