import { createHmac, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { decode, sign } from 'jsonwebtoken';
import { createAccessTokens } from './access-tokens';
import type { Principal } from './principal';
import { parseTokenKeys } from './token-keys';

const SECRET = 'a-secret-of-thirty-two-bytes-or-more';
const OTHER_SECRET = 'b-secret-of-thirty-two-bytes-or-more';
const TTL_SECONDS = 900;
const NOW = Date.UTC(2026, 0, 1);
const NOW_SECONDS = NOW / 1000;
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const inBase64 = (key: KeyObject): string =>
  Buffer.from(key.export({ format: 'pem', type: 'pkcs8' }) as string).toString('base64');

const principal: Principal = {
  userId: '01890a5d-ac96-774b-bcce-b302099a8051',
  tenantId: '01890a5d-ac96-774b-bcce-b302099a8052',
  sessionId: '01890a5d-ac96-774b-bcce-b302099a8053',
  role: 'member',
};

function createTokens(keys = `k1:${SECRET}`, clock = { now: NOW }) {
  return createAccessTokens({
    keys: parseTokenKeys(keys),
    issuer: 'cloister',
    audience: 'cloister-api',
    ttlSeconds: TTL_SECONDS,
    now: () => clock.now,
  });
}

const goodClaims = {
  iss: 'cloister',
  aud: 'cloister-api',
  sub: principal.userId,
  tid: principal.tenantId,
  sid: principal.sessionId,
  role: 'member',
  iat: NOW_SECONDS,
  exp: NOW_SECONDS + TTL_SECONDS,
  jti: 'one',
};
const goodHeader = { alg: 'HS256', typ: 'at+jwt', kid: 'k1' };

const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
/** A token signed with the right secret, with whatever header and claims: a forger at their best. */
function forge(
  header: object = {},
  claims: object = {},
  secret = SECRET,
  digest = 'sha256',
): string {
  const signed = `${part({ ...goodHeader, ...header })}.${part({ ...goodClaims, ...claims })}`;
  return `${signed}.${createHmac(digest, secret).update(signed).digest('base64url')}`;
}

const refused = expect.objectContaining({ code: 'UNAUTHENTICATED' }) as unknown;
function verdictOn(token: string, tokens = createTokens()): unknown {
  try {
    return tokens.verify(token);
  } catch (error) {
    return error;
  }
}

describe('access tokens', () => {
  it('say who was signed in', () => {
    const tokens = createTokens();
    const { token, expiresAt } = tokens.issue(principal);
    expect(tokens.verify(token)).toEqual(principal);
    expect(expiresAt).toEqual(new Date(NOW + TTL_SECONDS * 1000));
    expect(decode(token, { complete: true })?.header).toEqual(goodHeader);
  });

  it('are all different', () => {
    const tokens = createTokens();
    expect(tokens.issue(principal).token).not.toBe(tokens.issue(principal).token);
  });

  it('hold when made by hand as they should be, so that the forgeries below fail for their own fault', () => {
    expect(verdictOn(forge())).toEqual(principal);
  });

  it.each([
    ['another issuer', {}, { iss: 'someone' }],
    ['no issuer', {}, { iss: undefined }],
    ['another audience', {}, { aud: 'another-api' }],
    ['no audience', {}, { aud: undefined }],
    ['the type of an ID token', { typ: 'JWT' }, {}],
    ['no type', { typ: undefined }, {}],
    ['no expiry', {}, { exp: undefined }],
    ['an expiry that is text', {}, { exp: String(NOW_SECONDS + 60) }],
    ['an expiry in the year 9999', {}, { exp: 253_402_300_799 }],
    ['a lifetime a second too long', {}, { exp: NOW_SECONDS + TTL_SECONDS + 1 }],
    [
      'a start in the future that makes a long life look short',
      {},
      { iat: 253_402_300_000, exp: 253_402_300_799 },
    ],
    ['no time of issue', {}, { iat: undefined }],
    ['an expiry in the past', {}, { iat: NOW_SECONDS - 900, exp: NOW_SECONDS }],
    ['a start of validity in the future', {}, { nbf: NOW_SECONDS + 60 }],
    ['a user id that is SQL', {}, { sub: "' or 1=1 --" }],
    ['no tenant', {}, { tid: undefined }],
    ['no session', {}, { sid: undefined }],
    ['a role there is not', {}, { role: 'owner' }],
    ['no token id', {}, { jti: undefined }],
    ['critical extensions', { crit: ['exp'] }, {}],
    ['no key id', { kid: undefined }, {}],
    ['a key id that is a number', { kid: 1 }, {}],
    ['a key id that is a path', { kid: '../../dev/null' }, {}],
    ['a key id that is SQL', { kid: "k1' union select 'a-secret" }, {}],
    ['a key id of the prototype', { kid: 'constructor' }, {}],
    ['the key id of a retired key', { kid: 'k0' }, {}],
  ])('are refused with %s', (_what, header, claims) => {
    expect(verdictOn(forge(header, claims))).toEqual(refused);
  });

  it('are refused with another secret, also under a known key id', () => {
    expect(verdictOn(forge({}, {}, OTHER_SECRET))).toEqual(refused);
    expect(verdictOn(forge({ kid: '../../dev/null' }, {}, ''))).toEqual(refused);
  });

  it('are refused without a signature, whatever they call the algorithm', () => {
    for (const alg of ['none', 'None', 'NONE', 'HS256']) {
      const unsigned = forge({ alg }).replace(/[^.]*$/, '');
      expect(verdictOn(unsigned)).toEqual(refused);
    }
  });

  it('are refused when signed by HS384 or HS512 with the right secret', () => {
    expect(verdictOn(forge({ alg: 'HS384' }, {}, SECRET, 'sha384'))).toEqual(refused);
    expect(verdictOn(forge({ alg: 'HS512' }, {}, SECRET, 'sha512'))).toEqual(refused);
  });

  it.each([
    ['RS256', rsa],
    ['ES256', ec],
  ])('are refused when the public key of %s is used as the secret of an HMAC', (alg, pair) => {
    const tokens = createTokens(`k1:${inBase64(pair.privateKey)}`);
    const publicPem = pair.publicKey.export({ format: 'pem', type: 'spki' }) as string;
    expect(verdictOn(tokens.issue(principal).token, tokens)).toEqual(principal);
    expect(verdictOn(forge({ alg: 'HS256' }, {}, publicPem), tokens)).toEqual(refused);
    expect(verdictOn(forge({ alg }, {}, publicPem), tokens)).toEqual(refused);
  });

  it('are refused when a foreign asymmetric key signed them under the id of a secret', () => {
    const foreign = sign(goodClaims, ec.privateKey, {
      algorithm: 'ES256',
      header: {
        alg: 'ES256',
        typ: 'at+jwt',
        kid: 'k1',
        jwk: ec.publicKey.export({ format: 'jwk' }),
      } as never,
    });
    expect(verdictOn(foreign)).toEqual(refused);
  });

  it.each(['tid', 'sub', 'sid', 'role'])('are refused when %s was edited', (claim) => {
    const tokens = createTokens();
    const { token } = tokens.issue(principal);
    tokens.verify(token); // remembered: the edited one must not pass for it
    const [header, payload = '', signature] = token.split('.');
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as object;
    const edited = part({
      ...claims,
      [claim]: claim === 'role' ? 'admin' : principal.userId.replace('0', '1'),
    });
    expect(verdictOn(`${header}.${edited}.${signature}`, tokens)).toEqual(refused);
  });

  it('are refused when they are longer than any of ours, though all else is right', () => {
    expect(verdictOn(forge({}, { note: 'a'.repeat(1000) }))).toEqual(principal);
    expect(verdictOn(forge({}, { note: 'a'.repeat(4000) }))).toEqual(refused);
  });

  it.each(['', '.', '..', '...', 'a.b.c', 'e30.e30.', 'bnVsbA.e30.x', `${'a'.repeat(5000)}.b.c`])(
    'are refused when they are none: %j',
    (token) => {
      expect(verdictOn(token)).toEqual(refused);
    },
  );

  it('are refused once their key is retired, and hold while it only no longer signs', () => {
    const { token } = createTokens(`k1:${SECRET}`).issue(principal);
    expect(verdictOn(token, createTokens(`k2:${OTHER_SECRET},k1:${SECRET}`))).toEqual(principal);
    expect(verdictOn(token, createTokens(`k2:${OTHER_SECRET}`))).toEqual(refused);
  });

  it('end on time though they are remembered', () => {
    const clock = { now: NOW };
    const tokens = createTokens(`k1:${SECRET}`, clock);
    const { token } = tokens.issue(principal);
    clock.now = NOW + (TTL_SECONDS - 1) * 1000;
    expect(verdictOn(token, tokens)).toEqual(principal);
    clock.now = NOW + TTL_SECONDS * 1000;
    expect(verdictOn(token, tokens)).toEqual(refused);
    expect(verdictOn(token, tokens)).toEqual(refused);
  });

  it('are verified once and then remembered, until they are forgotten', () => {
    const tokens = createTokens();
    const { token } = tokens.issue(principal);
    const first = tokens.verify(token);
    expect(tokens.verify(token)).toBe(first);
    tokens.forget(token);
    expect(tokens.verify(token)).not.toBe(first);
  });
});
