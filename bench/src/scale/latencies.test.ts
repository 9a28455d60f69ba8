import { addErrors, errorCodeOf, percentile, Tally } from './latencies';

const answer = (status: number, body: object) => ({
  status,
  body: Buffer.from(JSON.stringify(body)),
});
const refused = (status: number, code: string) =>
  answer(status, { errors: [{ message: 'no', extensions: { code } }] });

describe('a tally of answers', () => {
  it('times those with data and counts the others by their code', () => {
    const tally = new Tally();
    for (let ms = 1; ms <= 100; ms += 1) tally.add(answer(200, { data: { account: null } }), ms);
    tally.add(refused(429, 'RATE_LIMITED'), 1000);
    tally.add(refused(200, 'FORBIDDEN'), 1000);
    expect(tally.summary(2)).toEqual({
      requests: 102,
      perSecond: 50,
      refusedPerSecond: 1,
      p50Ms: 51,
      p99Ms: 100,
      maxMs: 100,
      errors: { RATE_LIMITED: 1, FORBIDDEN: 1 },
    });
  });

  it('names the status of an answer that has no code', () => {
    expect(errorCodeOf({ status: 502, body: Buffer.from('bad gateway') })).toBe('HTTP 502');
  });

  it('has no latency when nothing was answered with data', () => {
    expect(new Tally().summary(1).p99Ms).toBeNaN();
  });

  it('is added up by code', () => {
    expect(addErrors([{ A: 1 }, { A: 2, B: 3 }, {}])).toEqual({ A: 3, B: 3 });
  });
});

describe('a percentile', () => {
  it('is a value that was measured', () => {
    expect(percentile([1, 2, 3], 0.5)).toBe(2);
    expect(percentile([1, 2, 3], 0.99)).toBe(3);
    expect(percentile([7], 0.01)).toBe(7);
  });
});
