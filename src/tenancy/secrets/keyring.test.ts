import { randomBytes } from 'node:crypto';
import { generateKey, KeyringError, parseKeyring } from './keyring';

const bytes = randomBytes(32);

describe('parseKeyring', () => {
  it.each([
    ['hex', bytes.toString('hex')],
    ['upper-case hex', bytes.toString('hex').toUpperCase()],
    ['base64', bytes.toString('base64')],
    ['base64 without padding', bytes.toString('base64').replace('=', '')],
    ['base64url', bytes.toString('base64url')],
  ])('takes a key of 32 bytes in %s', (_form, text) => {
    expect(parseKeyring(`k1:${text}`).find('k1')).toEqual(bytes);
  });

  it('seals with the first key and opens with all', () => {
    const keyring = parseKeyring(`new:${'a'.repeat(64)}, old:${'b'.repeat(64)}`);
    expect(keyring.activeKeyId).toBe('new');
    expect(keyring.find('old')).toEqual(Buffer.alloc(32, 0xbb));
    expect(keyring.find('other')).toBeUndefined();
  });

  it.each([
    ['31 bytes', bytes.subarray(1).toString('hex')],
    ['33 bytes', `${bytes.toString('hex')}00`],
    ['16 bytes', bytes.subarray(16).toString('base64')],
    ['a pass phrase of 32 characters', 'correct-horse-battery-staple-ok!'],
    ['nothing', ''],
  ])('refuses a key of %s, and names it without repeating it', (_what, text) => {
    const parse = () => parseKeyring(`k1:${text}`);
    expect(parse).toThrow(KeyringError);
    expect(parse).toThrow('"k1"');
    if (text !== '') expect(parse).not.toThrow(text);
  });

  it.each([
    '',
    ':',
    `:${'a'.repeat(64)}`,
    'a'.repeat(64),
    `k 1:${'a'.repeat(64)}`,
    `k1:${'a'.repeat(64)},`,
  ])('refuses an entry without a key id: %j', (text) => {
    expect(() => parseKeyring(text)).toThrow(KeyringError);
  });

  it('refuses one id for two keys', () => {
    expect(() => parseKeyring(`k1:${'a'.repeat(64)},k1:${'b'.repeat(64)}`)).toThrow('twice');
  });
});

describe('generateKey', () => {
  it('makes an entry that parseKeyring takes, never the same', () => {
    const [first, second] = [generateKey('k1'), generateKey('k1')];
    expect(parseKeyring(first).find('k1')).toHaveLength(32);
    expect(first).not.toBe(second);
    expect(() => parseKeyring(generateKey())).not.toThrow();
  });
});
