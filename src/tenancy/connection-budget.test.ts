import { createConnectionBudget, type Claimant, type ConnectionBudget } from './connection-budget';

/** A pool that takes places while it has somebody who waits. */
class FakePool implements Claimant {
  wanted = 0;
  taken = 0;
  idleCount = 0;
  usedAt = 0;
  closings = 0;

  constructor(
    readonly name: string,
    readonly budget: () => ConnectionBudget,
    readonly log: string[] = [],
  ) {}

  get idleSince(): number | undefined {
    return this.idleCount === 0 ? undefined : this.usedAt;
  }
  want(places: number): void {
    this.wanted += places;
    this.onPlaceFree();
  }
  onPlaceFree(): void {
    while (this.wanted > 0) {
      if (!this.budget().tryTake()) return this.budget().claim(this);
      this.wanted -= 1;
      this.taken += 1;
      this.log.push(this.name);
    }
  }
  async closeIdle(): Promise<void> {
    this.idleCount -= 1;
    this.closings += 1;
    await Promise.resolve();
    this.taken -= 1;
    this.budget().give();
  }
  end(): void {
    this.taken -= 1;
    this.budget().give();
  }
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

function make(limit: number, names: readonly string[]) {
  const clock = { now: 0 };
  const log: string[] = [];
  const pools = names.map((name) => new FakePool(name, () => budget, log));
  const budget = createConnectionBudget({ limit, pools: () => pools, now: () => clock.now });
  return { budget, pools, clock, log };
}

describe('the connection budget', () => {
  it('gives no more places than there are', () => {
    const { budget, pools } = make(3, ['a']);
    pools[0]?.want(5);
    expect(budget.taken()).toBe(3);
    expect(pools[0]?.taken).toBe(3);
    expect(budget.claims()).toBe(1);
  });

  it('serves pools in turns, however many wait in each', () => {
    const { pools, log } = make(1, ['hog', 'a', 'b']);
    const [hog, a, b] = pools as [FakePool, FakePool, FakePool];
    hog.want(4);
    a.want(2);
    b.want(1);
    while (log.length < 7) pools.find(({ taken }) => taken > 0)?.end();
    expect(log).toEqual(['hog', 'hog', 'a', 'b', 'hog', 'a', 'hog']);
  });

  it('closes the idle connection that was used longest ago', async () => {
    const { budget, pools } = make(2, ['old', 'recent', 'new']);
    const [old, recent, next] = pools as [FakePool, FakePool, FakePool];
    old.want(1);
    recent.want(1);
    Object.assign(old, { idleCount: 1, usedAt: 1 });
    Object.assign(recent, { idleCount: 1, usedAt: 2 });
    next.want(1);
    await settled();
    expect([old.closings, recent.closings, next.taken]).toEqual([1, 0, 1]);
    expect(budget.taken()).toBe(2);
  });

  it('closes one idle connection for each claim, not more', async () => {
    const { pools } = make(4, ['idle', 'a']);
    const [idle, a] = pools as [FakePool, FakePool];
    idle.want(4);
    idle.idleCount = 4;
    a.want(1);
    await settled();
    expect(idle.closings).toBe(1);
  });

  it('serves a claim by a connection that becomes idle later', async () => {
    const { budget, pools } = make(1, ['busy', 'a']);
    const [busy, a] = pools as [FakePool, FakePool];
    busy.want(1);
    a.want(1);
    expect(a.taken).toBe(0);
    busy.idleCount = 1;
    budget.settle();
    await settled();
    expect(a.taken).toBe(1);
  });

  it('forgets a claim that is withdrawn', () => {
    const { budget, pools } = make(1, ['busy', 'a']);
    const [busy, a] = pools as [FakePool, FakePool];
    busy.want(1);
    a.want(1);
    a.wanted = 0;
    budget.withdraw(a);
    busy.end();
    expect(budget.taken()).toBe(0);
  });

  it('asks a busy pool to give way only when another has waited for a while', () => {
    const { budget, pools, clock } = make(1, ['busy', 'a']);
    const [busy, a] = pools as [FakePool, FakePool];
    busy.want(2);
    a.want(1);
    expect(budget.isOwed(busy)).toBe(false);
    clock.now = 1000;
    expect(budget.isOwed(busy)).toBe(true);
    budget.expect(new Promise(() => undefined));
    budget.expect(new Promise(() => undefined));
    expect(budget.isOwed(busy)).toBe(false);
  });

  it('never asks a pool to give way to itself', () => {
    const { budget, pools, clock } = make(1, ['busy']);
    pools[0]?.want(2);
    clock.now = 1000;
    expect(budget.isOwed(pools[0] as FakePool)).toBe(false);
  });
});
