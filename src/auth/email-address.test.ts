import { createHash } from 'node:crypto';
import { createEmailIndexKeyOf, normalizeEmail } from './email-address';

describe('e-mail addresses', () => {
  it.each([
    ['  Admin@Acme.Test\n', 'admin@acme.test'],
    ['ren\u0065\u0301@acme.test', 'ren\u00e9@acme.test'],
    ['REN\u00c9@ACME.TEST', 'ren\u00e9@acme.test'],
  ])('are looked up under one spelling: %j', (given, expected) => {
    expect(normalizeEmail(given)).toBe(expected);
  });

  it('are normal after one pass, also where lower-casing undoes the normal form', () => {
    const once = normalizeEmail('\u0130stanbul@acme.test');
    expect(normalizeEmail(once)).toBe(once);
  });

  it('have an index key that depends on the secret and is no plain hash', () => {
    const key = createEmailIndexKeyOf('a'.repeat(32))('admin@acme.test');
    expect(key).toHaveLength(32);
    expect(key).toEqual(createEmailIndexKeyOf('a'.repeat(32))('admin@acme.test'));
    expect(key).not.toEqual(createEmailIndexKeyOf('b'.repeat(32))('admin@acme.test'));
    expect(key).not.toEqual(createHash('sha256').update('admin@acme.test').digest());
  });
});
