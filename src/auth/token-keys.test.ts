import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { parseTokenKeys } from './token-keys';

const SECRET = 'a-secret-of-thirty-two-bytes-or-more';

const inBase64 = (key: KeyObject): string =>
  Buffer.from(
    key.export({ format: 'pem', type: key.type === 'private' ? 'pkcs8' : 'spki' }) as string,
  ).toString('base64');

const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' });
const rsa1024 = generateKeyPairSync('rsa', { modulusLength: 1024 });
const rsa2048 = generateKeyPairSync('rsa', { modulusLength: 2048 });

describe('the token keys', () => {
  it('sign with the first and verify with all', () => {
    const keys = parseTokenKeys(`new:${SECRET}, old:${SECRET}2`);
    expect(keys.signing.kid).toBe('new');
    expect(keys.find('old')?.algorithm).toBe('HS256');
    expect(keys.find('older')).toBeUndefined();
    expect(keys.find('__proto__')).toBeUndefined();
  });

  it('take a colon in a secret as part of it', () => {
    const withColon = `a:${SECRET}`;
    const key = parseTokenKeys(`k:${withColon}`).signing;
    expect(key.signWith.export().toString()).toBe(withColon);
  });

  it.each([
    ['ES256', p256.privateKey],
    ['RS256', rsa2048.privateKey],
  ])('take a PEM in base64 and pin %s for it', (algorithm, privateKey) => {
    const { signing } = parseTokenKeys(`k:${inBase64(privateKey)}`);
    expect(signing.algorithm).toBe(algorithm);
    expect(signing.signWith.type).toBe('private');
    expect(signing.verifyWith.type).toBe('public');
  });

  it('verify with a public key and do not sign with it', () => {
    const keys = parseTokenKeys(`k:${SECRET},theirs:${inBase64(p256.publicKey)}`);
    expect(keys.find('theirs')).toMatchObject({ algorithm: 'ES256', signWith: undefined });
    expect(() => parseTokenKeys(`theirs:${inBase64(p256.publicKey)}`)).toThrow(/can sign/);
  });

  it.each([
    ['a secret of 31 bytes', `k:${'x'.repeat(31)}`, /at least 32 bytes, got 31 for 'k'/],
    ['no secret', 'k:', /at least 32 bytes, got 0/],
    ['no key id', SECRET, /kid:key/],
    ['a key id that is a path', `../../dev/null:${SECRET}`, /kid:key/],
    ['nothing', '', /kid:key/],
    ['a key id twice', `k:${SECRET},k:${SECRET}`, /'k' twice/],
    ['a key on another curve', `k:${inBase64(p384.privateKey)}`, /P-256/],
    ['an RSA key of 1024 bits', `k:${inBase64(rsa1024.privateKey)}`, /2048 bits/],
    [
      'a PEM that is none',
      `k:${Buffer.from('-----BEGIN PRIVATE KEY-----\nxx').toString('base64')}`,
      /cannot be read/,
    ],
  ])('refuse %s and say which variable is at fault', (_what, text, message) => {
    expect(() => parseTokenKeys(text)).toThrow(message);
    expect(() => parseTokenKeys(text)).toThrow(/^AUTH_JWT_KEYS: /);
  });

  it('do not repeat a refused secret', () => {
    expect(() => parseTokenKeys('k:short-secret')).toThrow(/^(?!.*short-secret)/);
  });
});
