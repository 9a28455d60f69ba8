import { settleAll } from './settle-all';

describe('settleAll', () => {
  it('does no more at once than it may, and answers in the order of the items', async () => {
    let running = 0;
    let most = 0;
    const results = await settleAll([5, 1, 4, 2, 3], 2, async (item) => {
      running += 1;
      most = Math.max(most, running);
      for (let turn = 0; turn < item; turn += 1) await Promise.resolve();
      running -= 1;
      if (item === 4) throw new Error('four');
      return item * 10;
    });
    expect(most).toBe(2);
    expect(results.map((each) => (each.status === 'fulfilled' ? each.value : each.reason))).toEqual(
      [50, 10, new Error('four'), 20, 30],
    );
  });

  it('has nothing to do for no items', async () => {
    expect(await settleAll([], 4, () => Promise.reject(new Error('called')))).toEqual([]);
  });
});
