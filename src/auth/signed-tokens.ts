/**
 * Tokens that we sign for ourselves: JWTs of a quarter of an hour. Everything a token could choose for
 * itself is pinned: key from our own set, the key's algorithm, issuer, audience, type, lifetime. A good
 * signature says who was signed in when the token was made; whether the session still stands is asked
 * apart. Each API has a form of its own, so that a token of one is nothing to another.
 */
import { randomUUID } from 'node:crypto';
import { sign, verify, type JwtPayload } from 'jsonwebtoken';
import { LRUCache } from 'lru-cache';
import { unauthenticated } from '../errors';
import type { TokenKeySet } from './token-keys';

/** Ours have some 450 characters; longer ones are refused before anything is parsed. */
const MAX_TOKEN_CHARACTERS = 4096;
/** How far the clocks of our own processes may differ. */
const CLOCK_SKEW_SECONDS = 30;

/** How a principal is written into a token and read from it. */
export interface TokenForm<P> {
  /** `typ` of the header; of one form only. */
  readonly type: string;
  readonly write: (principal: P) => JwtPayload;
  /** @returns undefined when a claim is missing or malformed */
  readonly read: (claims: JwtPayload) => P | undefined;
}

export interface SignedTokens<P> {
  issue(principal: P): { readonly token: string; readonly expiresAt: Date };
  /** Who was signed in when the token was made. @throws UNAUTHENTICATED for any other token */
  verify(token: string): P;
  /** Who that is, of a token that was verified before and still holds. */
  known(token: string): P | undefined;
  /** Takes a token out of the cache of verified ones, because its session ended. */
  forget(token: string): void;
}

export interface SignedTokenOptions {
  readonly keys: TokenKeySet;
  readonly issuer: string;
  readonly audience: string;
  readonly ttlSeconds: number;
  /** How many verified tokens are remembered. */
  readonly cacheSize?: number;
  /** Milliseconds since the epoch; for tests. */
  readonly now?: () => number;
}

interface VerifiedToken<P> {
  readonly principal: P;
  readonly expiresAtSeconds: number;
}

export function createSignedTokens<P extends object>(
  options: SignedTokenOptions,
  form: TokenForm<P>,
): SignedTokens<P> {
  const { keys, issuer, audience, ttlSeconds, cacheSize = 20_000, now = Date.now } = options;
  // Only tokens that verified are kept, so a flood of bad ones cannot push the good ones out.
  const verified = new LRUCache<string, VerifiedToken<P>>({ max: cacheSize });
  const nowSeconds = () => Math.floor(now() / 1000);

  return {
    issue(principal) {
      const issuedAt = nowSeconds();
      const { kid, algorithm, signWith } = keys.signing;
      const claims = {
        iss: issuer,
        aud: audience,
        ...form.write(principal),
        iat: issuedAt,
        exp: issuedAt + ttlSeconds,
        jti: randomUUID(),
      };
      const token = sign(claims, signWith, {
        algorithm,
        header: { alg: algorithm, typ: form.type, kid },
      });
      return { token, expiresAt: new Date(claims.exp * 1000) };
    },

    known(token) {
      const known = verified.get(token);
      return known && known.expiresAtSeconds > nowSeconds() ? known.principal : undefined;
    },

    verify(token) {
      const known = verified.get(token);
      if (known !== undefined) {
        if (known.expiresAtSeconds > nowSeconds()) return known.principal;
        verified.delete(token);
        throw unauthenticated();
      }
      try {
        const fresh = check(token);
        verified.set(token, fresh);
        return fresh.principal;
      } catch (cause) {
        throw unauthenticated(cause);
      }
    },

    forget: (token) => void verified.delete(token),
  };

  function check(token: string): VerifiedToken<P> {
    if (token.length > MAX_TOKEN_CHARACTERS) throw new Error('the token is too long');
    const key = keys.find(keyIdOf(token));
    if (key === undefined) throw new Error('the token names no key of ours');
    const { header, payload } = verify(token, key.verifyWith, {
      algorithms: [key.algorithm],
      issuer,
      audience,
      clockTimestamp: nowSeconds(),
      complete: true,
    });
    if (header.typ !== form.type) throw new Error(`the token's type is not ${form.type}`);
    // RFC 7515, 4.1.11: whoever does not understand a critical extension must refuse the token.
    if (header.crit !== undefined) throw new Error('the token has critical extensions');
    return readClaims(payload);
  }

  function readClaims(payload: string | JwtPayload): VerifiedToken<P> {
    if (typeof payload === 'string') throw new Error('the token holds no claims');
    const { iat, exp, jti } = payload;
    if (typeof exp !== 'number' || typeof iat !== 'number')
      throw new Error('iat and exp are required');
    // A lifetime longer than ours, or one that starts in the future, was not made here.
    if (exp - iat > ttlSeconds || iat > nowSeconds() + CLOCK_SKEW_SECONDS) {
      throw new Error('the token lives longer than tokens may');
    }
    const principal = typeof jti === 'string' ? form.read(payload) : undefined;
    if (principal === undefined) throw new Error('a claim is missing or malformed');
    return { principal: Object.freeze(principal), expiresAtSeconds: exp };
  }
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
export const isUuid = (value: unknown): value is string =>
  typeof value === 'string' && UUID.test(value);

/** The `kid` of the header, which is only ever looked up among our own keys. */
function keyIdOf(token: string): string {
  const header: unknown = JSON.parse(
    Buffer.from(token.slice(0, Math.max(token.indexOf('.'), 0)), 'base64url').toString('utf8'),
  );
  if (typeof header === 'object' && header !== null && 'kid' in header) {
    if (typeof header.kid === 'string') return header.kid;
  }
  throw new Error('the token names no key');
}
