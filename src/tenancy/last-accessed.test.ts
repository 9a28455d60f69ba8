import { createLastAccessed } from './last-accessed';

function make() {
  const writes: (readonly string[])[] = [];
  const registry = { down: false };
  const log = createLastAccessed(
    {
      async touchTenants(ids) {
        if (registry.down) throw new Error('connect ECONNREFUSED');
        writes.push(ids);
      },
    },
    { writeEveryMs: 1000, precisionMs: 60_000 },
  );
  return { writes, registry, log };
}

describe('the note of last accesses', () => {
  beforeEach(() => jest.useFakeTimers());
  afterEach(() => jest.useRealTimers());

  it('writes all tenants that were used in one statement, each once, in order', async () => {
    const { writes, log } = make();
    for (const tenant of ['b', 'a', 'b', 'a']) log.note(tenant);
    expect(writes).toEqual([]);
    await jest.advanceTimersByTimeAsync(1000);
    expect(writes).toEqual([['a', 'b']]);
    await log.close();
  });

  it('writes nothing while nothing is used', async () => {
    const { writes, log } = make();
    await jest.advanceTimersByTimeAsync(10_000);
    await log.close();
    expect(writes).toEqual([]);
  });

  it('notes a tenant again only after its time', async () => {
    const { writes, log } = make();
    log.note('a');
    await jest.advanceTimersByTimeAsync(1000);
    log.note('a');
    await jest.advanceTimersByTimeAsync(1000);
    expect(writes).toHaveLength(1);
    await jest.advanceTimersByTimeAsync(60_000);
    log.note('a');
    await jest.advanceTimersByTimeAsync(1000);
    expect(writes).toHaveLength(2);
    await log.close();
  });

  it('keeps its notes in silence while the registry is down', async () => {
    const { writes, registry, log } = make();
    registry.down = true;
    log.note('a');
    await jest.advanceTimersByTimeAsync(3000);
    registry.down = false;
    log.note('b');
    await jest.advanceTimersByTimeAsync(1000);
    expect(writes).toEqual([['a', 'b']]);
    await log.close();
  });

  it('writes what is left when it is closed', async () => {
    const { writes, log } = make();
    log.note('a');
    await log.close();
    expect(writes).toEqual([['a']]);
  });
});
