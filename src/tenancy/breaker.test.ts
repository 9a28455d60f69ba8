import { Breaker } from './breaker';

const make = () => {
  const clock = { now: 0 };
  return { clock, breaker: new Breaker({ threshold: 2, openMs: 100, now: () => clock.now }) };
};

describe('Breaker', () => {
  it('opens when failures come in a row, and not when a success comes between', () => {
    const { breaker } = make();
    expect(breaker.fail()).toBe(false);
    breaker.succeed();
    expect(breaker.fail()).toBe(false);
    expect(breaker.pass()).toBe('free');
    expect(breaker.fail()).toBe(true);
    expect(breaker.state).toBe('open');
    expect(breaker.pass()).toBe('refused');
  });

  it('lets one probe through after its time, and the others not', () => {
    const { breaker, clock } = make();
    breaker.trip();
    clock.now = 99;
    expect(breaker.pass()).toBe('refused');
    clock.now = 100;
    expect(breaker.state).toBe('half-open');
    expect([breaker.pass(), breaker.pass(), breaker.pass()]).toEqual([
      'probe',
      'refused',
      'refused',
    ]);
  });

  it('closes when the probe succeeds', () => {
    const { breaker, clock } = make();
    breaker.trip();
    clock.now = 100;
    breaker.pass();
    breaker.succeed();
    expect([breaker.pass(), breaker.pass()]).toEqual(['free', 'free']);
  });

  it('opens for another while when the probe fails, at its first failure', () => {
    const { breaker, clock } = make();
    breaker.trip();
    clock.now = 100;
    breaker.pass();
    expect(breaker.fail()).toBe(true);
    clock.now = 199;
    expect(breaker.pass()).toBe('refused');
    clock.now = 200;
    expect(breaker.pass()).toBe('probe');
  });

  it('lets the next one probe when a probe ended without saying anything', () => {
    const { breaker, clock } = make();
    breaker.trip();
    clock.now = 100;
    breaker.pass();
    breaker.abandon();
    expect(breaker.pass()).toBe('probe');
  });
});
