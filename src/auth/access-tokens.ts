/**
 * Access tokens: JWTs of a quarter of an hour (RFC 9068's `at+jwt`). Everything a token could choose
 * for itself is pinned: key from our own set, the key's algorithm, issuer, audience, type, lifetime.
 * A good signature says who was signed in when the token was made; whether the session still stands
 * is `session-check.ts`.
 */
import { randomUUID } from 'node:crypto';
import { sign, verify, type JwtPayload } from 'jsonwebtoken';
import { LRUCache } from 'lru-cache';
import { unauthenticated } from '../errors';
import { ROLES, type Principal, type Role } from './principal';
import type { TokenKeySet } from './token-keys';

const TYPE = 'at+jwt';
/** Ours have some 450 characters; longer ones are refused before anything is parsed. */
const MAX_TOKEN_CHARACTERS = 4096;
/** How far the clocks of our own processes may differ. */
const CLOCK_SKEW_SECONDS = 30;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

export interface AccessTokens {
  issue(principal: Principal): { readonly token: string; readonly expiresAt: Date };
  /** Who was signed in when the token was made. @throws UNAUTHENTICATED for any other token */
  verify(token: string): Principal;
  /** Takes a token out of the cache of verified ones, because its session ended. */
  forget(token: string): void;
}

export interface AccessTokenOptions {
  readonly keys: TokenKeySet;
  readonly issuer: string;
  readonly audience: string;
  readonly ttlSeconds: number;
  /** How many verified tokens are remembered. */
  readonly cacheSize?: number;
  /** Milliseconds since the epoch; for tests. */
  readonly now?: () => number;
}

interface VerifiedToken {
  readonly principal: Principal;
  readonly expiresAtSeconds: number;
}

export function createAccessTokens(options: AccessTokenOptions): AccessTokens {
  const { keys, issuer, audience, ttlSeconds, cacheSize = 20_000, now = Date.now } = options;
  // Only tokens that verified are kept, so a flood of bad ones cannot push the good ones out.
  const verified = new LRUCache<string, VerifiedToken>({ max: cacheSize });
  const nowSeconds = () => Math.floor(now() / 1000);

  return {
    issue(principal) {
      const issuedAt = nowSeconds();
      const { kid, algorithm, signWith } = keys.signing;
      const claims = {
        iss: issuer,
        aud: audience,
        sub: principal.userId,
        tid: principal.tenantId,
        sid: principal.sessionId,
        role: principal.role,
        iat: issuedAt,
        exp: issuedAt + ttlSeconds,
        jti: randomUUID(),
      };
      const token = sign(claims, signWith, {
        algorithm,
        header: { alg: algorithm, typ: TYPE, kid },
      });
      return { token, expiresAt: new Date(claims.exp * 1000) };
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

  function check(token: string): VerifiedToken {
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
    if (header.typ !== TYPE) throw new Error(`the token's type is not ${TYPE}`);
    // RFC 7515, 4.1.11: whoever does not understand a critical extension must refuse the token.
    if (header.crit !== undefined) throw new Error('the token has critical extensions');
    return readClaims(payload);
  }

  function readClaims(payload: string | JwtPayload): VerifiedToken {
    if (typeof payload === 'string') throw new Error('the token holds no claims');
    const { sub, tid, sid, role, iat, exp, jti } = payload;
    if (typeof exp !== 'number' || typeof iat !== 'number')
      throw new Error('iat and exp are required');
    // A lifetime longer than ours, or one that starts in the future, was not made here.
    if (exp - iat > ttlSeconds || iat > nowSeconds() + CLOCK_SKEW_SECONDS) {
      throw new Error('the token lives longer than tokens may');
    }
    if (!isUuid(sub) || !isUuid(tid) || !isUuid(sid) || !isRole(role) || typeof jti !== 'string') {
      throw new Error('a claim is missing or malformed');
    }
    return {
      principal: Object.freeze({ userId: sub, tenantId: tid, role, sessionId: sid }),
      expiresAtSeconds: exp,
    };
  }
}

const isUuid = (value: unknown): value is string => typeof value === 'string' && UUID.test(value);
const isRole = (value: unknown): value is Role => ROLES.some((role) => role === value);

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
