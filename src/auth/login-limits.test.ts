import { createLoginLimits, networkOf } from './login-limits';

const limited = { code: 'RATE_LIMITED' };

describe('the limits of log-in', () => {
  const options = { wrongPerAccount: 3, wrongPerAddress: 5, windowSeconds: 60 };

  it('refuse an account after its wrong passwords, from whatever address', async () => {
    const limits = createLoginLimits(options);
    for (const address of ['1.1.1.1', '2.2.2.2', '3.3.3.3']) await limits.begin('a', address);
    await expect(limits.begin('a', '4.4.4.4')).rejects.toMatchObject(limited);
    await expect(limits.begin('b', '4.4.4.4')).resolves.toBeDefined();
  });

  it('refuse an address after its wrong passwords, for whatever account', async () => {
    const limits = createLoginLimits(options);
    for (const account of ['a', 'b', 'c', 'd', 'e']) await limits.begin(account, '1.1.1.1');
    await expect(limits.begin('f', '1.1.1.1')).rejects.toMatchObject(limited);
    await expect(limits.begin('f', '2.2.2.2')).resolves.toBeDefined();
  });

  it('say when to come back', async () => {
    const limits = createLoginLimits({ ...options, wrongPerAccount: 1 });
    await limits.begin('a', '1.1.1.1');
    await expect(limits.begin('a', '1.1.1.1')).rejects.toMatchObject({
      details: { retryAfterSeconds: 60 },
    });
  });

  it('count attempts made at once', async () => {
    const limits = createLoginLimits(options);
    const attempts = Array.from({ length: 5 }, (_, i) => limits.begin('a', `1.1.1.${i}`));
    const admitted = (await Promise.allSettled(attempts)).filter(
      (each) => each.status === 'fulfilled',
    );
    expect(admitted).toHaveLength(3);
  });

  it('forget the wrong passwords of an account once the right one came', async () => {
    const limits = createLoginLimits(options);
    await limits.begin('a', '1.1.1.1');
    await limits.begin('a', '1.1.1.1');
    await (await limits.begin('a', '1.1.1.1')).succeeded();
    await expect(limits.begin('a', '1.1.1.1')).resolves.toBeDefined();
  });

  it('do not forget the wrong passwords of an address when a right one came', async () => {
    const limits = createLoginLimits(options);
    for (const account of ['a', 'b', 'c', 'd']) await limits.begin(account, '1.1.1.1');
    await (await limits.begin('own', '1.1.1.1')).succeeded();
    await limits.begin('e', '1.1.1.1');
    await expect(limits.begin('f', '1.1.1.1')).rejects.toMatchObject(limited);
  });

  it('leave out attempts that could not be judged', async () => {
    const limits = createLoginLimits(options);
    for (let i = 0; i < 10; i += 1) await (await limits.begin('a', '1.1.1.1')).discounted();
    await expect(limits.begin('a', '1.1.1.1')).resolves.toBeDefined();
  });

  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
    ['2001:0DB8:0001:0002::1', '2001:db8:1:2'],
    ['2001:db8::1', '2001:db8:0:0'],
    ['::1', '0:0:0:0'],
    ['fe80::1%eth0', 'fe80:0:0:0'],
    ['unknown', 'unknown'],
  ])('take %s for a part of %s', (address, network) => {
    expect(networkOf(address)).toBe(network);
  });
});
