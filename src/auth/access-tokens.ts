/** The access tokens of the tenants' API, in the manner of RFC 9068 (`at+jwt`). */
import type { JwtPayload } from 'jsonwebtoken';
import { ROLES, type Principal, type Role } from './principal';
import {
  createSignedTokens,
  isUuid,
  type SignedTokenOptions,
  type SignedTokens,
} from './signed-tokens';

export type AccessTokens = SignedTokens<Principal>;
export type AccessTokenOptions = SignedTokenOptions;

export const createAccessTokens = (options: AccessTokenOptions): AccessTokens =>
  createSignedTokens(options, { type: 'at+jwt', write, read });

const write = ({ userId, tenantId, sessionId, role, family }: Principal): JwtPayload => ({
  sub: userId,
  tid: tenantId,
  sid: sessionId,
  role,
  ...(family === undefined ? {} : { fam: family }),
});

function read({ sub, tid, sid, role, fam }: JwtPayload): Principal | undefined {
  if (!isUuid(sub) || !isUuid(tid) || !isUuid(sid) || !isRole(role)) return undefined;
  const family = typeof fam === 'string' ? { family: fam } : {};
  return { userId: sub, tenantId: tid, role, sessionId: sid, ...family };
}

const isRole = (value: unknown): value is Role => ROLES.some((role) => role === value);
