import { createFairShares, shareOf } from './fair-shares';
import { LeaseQueue } from './lease-queue';

const [FLOODER, QUIET] = ['flooder', 'quiet'];

function createQueue(most: number) {
  const shares = createFairShares(most);
  const queue = new LeaseQueue({ timeoutMs: 60_000, shares, onTimeout: () => undefined });
  const join = (tenantId?: string): void => {
    queue.join({ tenantId, isProbe: false }).catch(() => undefined);
  };
  const next = (): string | undefined => {
    const waiter = queue.takeNext();
    if (waiter !== undefined) shares.take(waiter.tenantId);
    return waiter && (waiter.tenantId ?? 'the house');
  };
  return { shares, queue, join, next, end: () => queue.take(0, queue.length) };
}

describe('those who wait for a connection', () => {
  it('are served in the order of arrival within a tenant', () => {
    const { queue, join, end } = createQueue(10);
    join(FLOODER);
    join(FLOODER);
    const [first] = [...queue.take(0, 1)];
    expect(first?.tenantId).toBe(FLOODER);
    expect(queue.length).toBe(1);
    end();
  });

  it('let a tenant that holds fewer go first, however long the others have waited', () => {
    const { join, next, end } = createQueue(10);
    for (let count = 0; count < 5; count += 1) join(FLOODER);
    expect(next()).toBe(FLOODER);
    join(QUIET);
    expect([next(), next()]).toEqual([QUIET, FLOODER]);
    end();
  });

  it('leave a connection for others when one tenant holds its share', () => {
    const { queue, shares, join, next, end } = createQueue(2);
    for (let count = 0; count < 4; count += 1) join(FLOODER);
    expect(queue.servable(10)).toBe(2);
    expect([next(), next(), next()]).toEqual([FLOODER, FLOODER, undefined]);
    join(QUIET);
    expect(next()).toBe(QUIET);
    shares.give(FLOODER);
    expect(next()).toBe(FLOODER);
    end();
  });

  it('count the house’s own work to nobody', () => {
    const { join, next, end } = createQueue(1);
    join();
    join();
    expect([next(), next()]).toEqual(['the house', 'the house']);
    end();
  });
});

describe('the share of one tenant in a pool', () => {
  it.each([
    [1, 1],
    [2, 1],
    [4, 3],
    [10, 8],
    [100, 75],
  ])('of %d connections is %d', (poolMax, share) => {
    expect(shareOf(poolMax)).toBe(share);
  });
});
