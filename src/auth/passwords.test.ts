import { hash } from '@node-rs/argon2';
import { createPasswords, isOversizedPassword, newPasswordFault } from './passwords';

describe('passwords', () => {
  const passwords = createPasswords();
  const password = 'correct-horse-battery';

  it('keeps argon2id hashes with the parameters OWASP names', async () => {
    expect(await passwords.hash(password)).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
  });

  it('verifies the right password and no other', async () => {
    const stored = await passwords.hash(password);
    expect(await passwords.verify(stored, password)).toBe(true);
    expect(await passwords.verify(stored, `${password}.`)).toBe(false);
    expect(await passwords.verify(stored, '')).toBe(false);
  });

  it.each([undefined, null, '', 'not a hash', '$2b$12$abcdefghijklmnopqrstuv'])(
    'answers false, having verified all the same, when what is stored is %p',
    async (stored) => {
      expect(await passwords.verify(stored, password)).toBe(false);
    },
  );

  it('does not compute a hash that asks for more memory than it may cost', async () => {
    const dear = await hash(password, { memoryCost: 70_000, timeCost: 1, parallelism: 1 });
    expect(await passwords.verify(dear, password)).toBe(false);
  });

  it('knows hashes made with other parameters than those of today', async () => {
    const older = await hash(password, { memoryCost: 8192, timeCost: 1, parallelism: 1 });
    expect(passwords.isOutdated(older)).toBe(true);
    expect(await passwords.verify(older, password)).toBe(true);
    expect(passwords.isOutdated(await passwords.hash(password))).toBe(false);
  });

  it.each([
    ['eleven characters', 'a'.repeat(11), false],
    ['twelve characters', 'a'.repeat(12), true],
    ['eleven characters of two code units each', '🐎'.repeat(11), false],
    ['1024 bytes', 'a'.repeat(1024), true],
    ['1025 bytes', 'a'.repeat(1025), false],
    ['1026 bytes in 513 characters', 'é'.repeat(513), false],
  ])('judges a new password of %s', (_what, given, allowed) => {
    expect(newPasswordFault(given) === undefined).toBe(allowed);
  });

  it('calls a megabyte oversized', () => {
    expect(isOversizedPassword('a'.repeat(1_000_000))).toBe(true);
    expect(isOversizedPassword('a'.repeat(1024))).toBe(false);
  });
});
