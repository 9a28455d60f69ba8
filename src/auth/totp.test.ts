import { createRecoveryCodes, hashRecoveryCode, RECOVERY_CODES } from './recovery-codes';
import { createTotpSecret, totpStepOf, totpUri } from './totp';

/** RFC 6238, appendix B: the secret "12345678901234567890" in base 32, and codes of SHA-1. */
const RFC_SECRET = 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ';

describe('a code of an app', () => {
  it.each([
    [59, '287082'],
    [1_111_111_109, '081804'],
    [1_234_567_890, '005924'],
    [2_000_000_000, '279037'],
  ])('is the one of RFC 6238 at %i s', (seconds, code) => {
    expect(totpStepOf(RFC_SECRET, code, seconds * 1000)).toBe(Math.floor(seconds / 30));
  });

  it('belongs to its own step a step later and a step earlier, and to none beyond', () => {
    const step = Math.floor(1_111_111_109 / 30);
    for (const [steps, belongsTo] of [
      [-2, undefined],
      [-1, step],
      [0, step],
      [1, step],
      [2, undefined],
    ] as const)
      expect(totpStepOf(RFC_SECRET, '081804', (step + steps) * 30_000)).toBe(belongsTo);
  });

  it.each(['', '81804', '0818044', 'abcdef', '０８１８０４', '08 1804', '-81804'])(
    'is not "%s"',
    (code) => {
      expect(totpStepOf(RFC_SECRET, code, 1_111_111_109_000)).toBeUndefined();
    },
  );

  it('comes of a secret of 160 bits, which an app reads from a URI', () => {
    const secret = createTotpSecret();
    expect(secret).toMatch(/^[A-Z2-7]{32}$/);
    const uri = totpUri(secret, { issuer: 'A & B', account: 'ada@x.test' });
    expect(new URL(uri).searchParams.get('secret')).toBe(secret);
    expect(uri).toMatch(/^otpauth:\/\/totp\/A%20%26%20B:ada%40x\.test\?issuer=A%20%26%20B&/);
  });
});

describe('recovery codes', () => {
  it('are all different, and found however they are typed', () => {
    const codes = createRecoveryCodes();
    expect(new Set(codes).size).toBe(RECOVERY_CODES);
    for (const code of codes) {
      const hash = hashRecoveryCode('user', code);
      expect(hash).toHaveLength(32);
      expect(hashRecoveryCode('user', ` ${code.toUpperCase().replaceAll('-', ' ')}`)).toEqual(hash);
      expect(hashRecoveryCode('another', code)).not.toEqual(hash);
    }
  });

  it('have look-alikes, which are read as what was meant', () => {
    expect(hashRecoveryCode('u', 'ILO0-1111-abcd-efgh')).toEqual(
      hashRecoveryCode('u', '1100-1111-abcd-efgh'),
    );
  });

  it.each(['', '123456', 'abcd-abcd-abcd-abc', 'abcd-abcd-abcd-abcu', 'abcd-abcd-abcd-abcd-a'])(
    'are not "%s"',
    (typed) => expect(hashRecoveryCode('u', typed)).toBeUndefined(),
  );
});
