import { settleAll } from '../lib/settle-all';
import { within } from '../lib/within';
import type { Passwords } from './passwords';
import { maySignIn, type TenantAccess } from './ports';
import { recordProof } from './sign-in-proofs.store';
import { findCredentialsByEmail } from './users.store';

export interface LogInOfOnePerson {
  readonly emailKey: string;
  readonly password: string;
  /** Of the session's refresh tokens. */
  readonly familyHash: Buffer;
  /** Where they sign in, and against which hash the password was verified there. */
  readonly here: {
    readonly tenantId: string;
    readonly userId: string;
    readonly verifiedHash: string;
  };
  /** Of the other tenants that know the address. */
  readonly elsewhere: readonly string[];
}

/** A tenant whose database is slow must not keep its people from another. */
const PATIENCE_MS = 1500;
/** More organisations than that are switched to by signing in there. */
const MAX_ELSEWHERE = 20;
const TENANTS_AT_ONCE = 4;

/**
 * Records in which other organisations a log-in's password fits as well, so that the person can switch
 * to them without showing it again (docs/decisions/0006-switching-tenants.md). Never fails: where it
 * cannot be recorded, one signs in.
 */
export type ProveElsewhere = (person: LogInOfOnePerson) => Promise<void>;

export function createProveElsewhere(deps: {
  readonly access: TenantAccess;
  readonly passwords: Passwords;
  readonly refreshTokenTtlSeconds: number;
}): ProveElsewhere {
  const { access, passwords, refreshTokenTtlSeconds: ttlSeconds } = deps;

  return async (person) => {
    const considered = person.elsewhere.slice(0, MAX_ELSEWHERE);
    if (considered.length === 0) return;
    const proving = settleAll(considered, TENANTS_AT_ONCE, (tenantId) => prove(tenantId, person));
    const outcomes = await within(PATIENCE_MS, proving).catch(() => []);
    const anyProven = outcomes.some((each) => each.status === 'fulfilled' && each.value);
    if (!anyProven) return;
    // And the way back.
    const { tenantId, ...user } = person.here;
    const proof = { ...user, familyHash: person.familyHash, ttlSeconds };
    await access.run(tenantId, (sql) => recordProof(sql, proof)).catch(() => undefined);
  };

  async function prove(
    tenantId: string,
    { emailKey, password, familyHash }: LogInOfOnePerson,
  ): Promise<boolean> {
    const tenant = await access.describe(tenantId);
    if (tenant === undefined || !maySignIn(tenant)) return false;
    const found = await access.run(tenantId, (sql) => findCredentialsByEmail(sql, emailKey));
    if (found?.status !== 'active' || found.passwordHash === null) return false;
    if (!(await passwords.verify(found.passwordHash, password))) return false;
    const { userId, passwordHash: verifiedHash } = found;
    await access.run(tenantId, (sql) =>
      recordProof(sql, { userId, verifiedHash, familyHash, ttlSeconds }),
    );
    return true;
  }
}
