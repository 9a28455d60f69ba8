import { padFailures } from './pad-failures';

function createClock() {
  let now = 1000;
  return {
    nowMs: () => now,
    async delay(ms: number) {
      now += ms;
    },
    spend: (ms: number) => (now += ms),
    elapsed: () => now - 1000,
  };
}

describe('padded failures', () => {
  it.each([
    [3, 250],
    [80, 250],
    [250, 250],
    [251, 500],
  ])('turn %i ms of work into %i ms', async (workMs, expectedMs) => {
    const clock = createClock();
    const refusal = padFailures(
      250,
      async () => {
        clock.spend(workMs);
        throw new Error('refused');
      },
      clock,
    );
    await expect(refusal).rejects.toThrow('refused');
    expect(clock.elapsed()).toBe(expectedMs);
  });

  it('do not hold up a success', async () => {
    const clock = createClock();
    expect(await padFailures(250, async () => clock.spend(3), clock)).toBe(1003);
    expect(clock.elapsed()).toBe(3);
  });
});
