import { createCipheriv, randomBytes } from 'node:crypto';
import { EnvelopeError, open, openLegacy, seal } from './envelope';
import { parseKeyring } from './keyring';

const key = (id: string): string => `${id}:${randomBytes(32).toString('hex')}`;
const K1 = key('k1');
const keyring = parseKeyring(K1);
const place = { rowId: '018f0000-0000-7000-8000-000000000001', column: 'url_sealed' };
const SECRET = 'postgres://app:pässword@db.example/tenant';

const parts = (sealed: string): string[] => sealed.split('.');

describe('a sealed value', () => {
  it('opens to what was sealed, at its place', () => {
    expect(open(seal(SECRET, place, keyring), place, keyring)).toBe(SECRET);
    expect(open(seal('', place, keyring), place, keyring)).toBe('');
  });

  it('is never the same twice and shows nothing of its content', () => {
    const [first, second] = [seal(SECRET, place, keyring), seal(SECRET, place, keyring)];
    expect(first).not.toBe(second);
    expect(Buffer.from(parts(first).at(-1) ?? '', 'base64url').includes('postgres')).toBe(false);
  });

  it('does not open when any one bit of nonce, tag or ciphertext is flipped', () => {
    const sealed = parts(seal(SECRET, place, keyring));
    for (const index of [2, 3, 4]) {
      const bytes = Buffer.from(sealed[index] ?? '', 'base64url');
      for (let byte = 0; byte < bytes.length; byte += 1) {
        const changed = Buffer.from(bytes);
        changed[byte] = (changed[byte] ?? 0) ^ (1 << (byte % 8));
        const forged = sealed.map((part, at) =>
          at === index ? changed.toString('base64url') : part,
        );
        expect(() => open(forged.join('.'), place, keyring)).toThrow(EnvelopeError);
      }
    }
  });

  it('does not open when any one character is another', () => {
    const sealed = seal(SECRET, place, keyring);
    for (let at = 0; at < sealed.length; at += 1) {
      const other = sealed[at] === 'A' ? 'B' : 'A';
      const forged = sealed.slice(0, at) + other + sealed.slice(at + 1);
      expect(() => open(forged, place, keyring)).toThrow(EnvelopeError);
    }
    expect(() => open(`${sealed}=`, place, keyring)).toThrow(EnvelopeError);
    expect(() => open(`${sealed} `, place, keyring)).toThrow(EnvelopeError);
  });

  it('does not open in another row or another column', () => {
    const sealed = seal(SECRET, place, keyring);
    const elsewhere = [
      { ...place, rowId: '018f0000-0000-7000-8000-000000000002' },
      { ...place, column: 'migration_url_sealed' },
    ];
    for (const other of elsewhere)
      expect(() => open(sealed, other, keyring)).toThrow(EnvelopeError);
  });

  it('does not open with a shortened tag, which could be guessed', () => {
    const [version, keyId, nonce, tag, ciphertext] = parts(seal(SECRET, place, keyring));
    for (const length of [0, 4, 8, 12, 15]) {
      const short = Buffer.from(tag ?? '', 'base64url')
        .subarray(0, length)
        .toString('base64url');
      const forged = [version, keyId, nonce, short, ciphertext].join('.');
      expect(() => open(forged, place, keyring)).toThrow(`tag of 16 bytes, but got ${length}`);
    }
  });

  it('does not open under a key id that the keyring lacks, and names that id', () => {
    const other = parseKeyring(key('k2'));
    expect(() => open(seal(SECRET, place, other), place, keyring)).toThrow('"k2"');
  });

  it('does not open when its key id names another key of the ring', () => {
    const both = parseKeyring(`${K1},${key('k2')}`);
    const forged = seal(SECRET, place, both).replace('v1.k1.', 'v1.k2.');
    expect(() => open(forged, place, both)).toThrow(EnvelopeError);
  });

  it('still opens with a key that no longer seals', () => {
    const sealed = seal(SECRET, place, keyring);
    const rotated = parseKeyring(`${key('k2')},${K1}`);
    expect(open(sealed, place, rotated)).toBe(SECRET);
    expect(seal(SECRET, place, rotated)).toMatch(/^v1\.k2\./);
  });

  it.each(['', 'v1', 'v1.k1.a.b', 'v2.k1.a.b.c', 'v1.k1.a.b.c.d', 'plain text', SECRET])(
    'is refused when it is no envelope: %j',
    (text) => {
      expect(() => open(text, place, keyring)).toThrow(EnvelopeError);
    },
  );

  it('is not repeated by any error, nor is what it holds', () => {
    const sealed = seal(SECRET, place, keyring);
    for (const broken of [sealed.slice(0, -2), `${sealed}.x`, sealed.replace('v1.k1', 'v1.k9')]) {
      try {
        open(broken, place, keyring);
        throw new Error('opened');
      } catch (error) {
        expect(error).toBeInstanceOf(EnvelopeError);
        expect((error as Error).message).not.toContain(parts(sealed).at(-1));
        expect((error as Error).message).not.toContain('pässword');
      }
    }
  });
});

describe('the older form iv:authTag:ciphertext', () => {
  const raw = randomBytes(32);
  const sealLegacy = (ivBytes: number): string => {
    const iv = randomBytes(ivBytes);
    const cipher = createCipheriv('aes-256-gcm', raw, iv);
    const ciphertext = Buffer.concat([cipher.update(SECRET, 'utf8'), cipher.final()]);
    return [iv, cipher.getAuthTag(), ciphertext].map((part) => part.toString('base64')).join(':');
  };

  it.each([12, 16])('opens with an IV of %i bytes', (ivBytes) => {
    expect(openLegacy(sealLegacy(ivBytes), raw)).toBe(SECRET);
  });

  it('does not open changed, with another key, or with a short tag', () => {
    const [iv = '', tag = '', ciphertext = ''] = sealLegacy(16).split(':');
    const shortTag = Buffer.from(tag, 'base64').subarray(0, 4).toString('base64');
    expect(() => openLegacy([iv, tag, `${ciphertext.slice(0, -4)}AAAA`].join(':'), raw)).toThrow(
      EnvelopeError,
    );
    expect(() => openLegacy([iv, tag, ciphertext].join(':'), randomBytes(32))).toThrow(
      EnvelopeError,
    );
    expect(() => openLegacy([iv, shortTag, ciphertext].join(':'), raw)).toThrow(EnvelopeError);
    expect(() => openLegacy(`${iv}:${tag}`, raw)).toThrow(EnvelopeError);
  });
});
