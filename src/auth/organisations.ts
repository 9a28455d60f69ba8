/**
 * The other organisations of a signed-in person: those where a user of the same address has the
 * password that was shown at log-in. Found by the family of the log-in's refresh tokens, which only
 * its client holds (docs/decisions/0006-switching-tenants.md).
 */
import { uuidv7 } from 'uuidv7';
import { badUserInput, unauthenticated } from '../errors';
import { settleAll } from '../lib/settle-all';
import type { AccessTokens } from './access-tokens';
import { normalizeEmail, type EmailIndexKeyOf } from './email-address';
import { issueSession } from './issue-session';
import type { LoginOutcome } from './login';
import {
  maySignIn,
  refusalOf,
  type EmailIndex,
  type TenantAccess,
  type TenantDescription,
} from './ports';
import type { Principal } from './principal';
import { createRefreshToken, familyOf, parseRefreshToken } from './refresh-tokens';
import { credentialOf, type SecondFactorChallenges } from './second-factor-challenges';
import { findProvenUser, type ProvenUser } from './sign-in-proofs.store';
import { holdsGeneration, openSession, type Client } from './user-sessions.store';
import { findSignedInUser } from './users.store';

export interface SwitchTenantInput {
  readonly tenantSlug: string;
  /** The last one of the session that the request comes by: an access token alone is not enough. */
  readonly refreshToken: string;
  readonly client: Client;
}

export interface Organisations {
  /** Where the person can go on without signing in, and where they are, by their short names. */
  list(principal: Principal): Promise<TenantDescription[]>;
  /**
   * A session in another organisation; the present one goes on.
   * @throws BAD_USER_INPUT naming `refreshToken` or `tenant`, TENANT_SUSPENDED
   */
  switchTo(
    principal: Principal,
    input: SwitchTenantInput,
  ): Promise<Exclude<LoginOutcome, { kind: 'chooseTenant' }>>;
}

export interface OrganisationsDependencies {
  readonly access: TenantAccess;
  readonly emailIndex: EmailIndex;
  readonly emailIndexKeyOf: EmailIndexKeyOf;
  readonly accessTokens: AccessTokens;
  readonly challenges: Pick<SecondFactorChallenges, 'issue'>;
  readonly refreshTokenTtlSeconds: number;
}

interface Proven {
  readonly tenant: TenantDescription;
  readonly user: ProvenUser;
}

const MAX_ORGANISATIONS = 100;
const TENANTS_AT_ONCE = 4;

export function createOrganisations(deps: OrganisationsDependencies): Organisations {
  const { access, emailIndex } = deps;

  /** Normalised address of whoever is signed in, as it is now. */
  async function emailKeyOf({ tenantId, userId }: Principal): Promise<string | undefined> {
    const user = await access.run(tenantId, (sql) => findSignedInUser(sql, userId));
    if (user === undefined) throw unauthenticated();
    return user.email === null ? undefined : normalizeEmail(user.email);
  }

  const otherTenants = async (emailKey: string, tenantId: string): Promise<string[]> => {
    const ids = await emailIndex.findTenantIds(deps.emailIndexKeyOf(emailKey));
    return ids.filter((id) => id !== tenantId).slice(0, MAX_ORGANISATIONS);
  };

  async function findProven(
    tenant: TenantDescription,
    familyHash: Buffer,
    emailKey: string,
  ): Promise<Proven | undefined> {
    const user = await access.run(tenant.id, (sql) => findProvenUser(sql, familyHash, emailKey));
    return user && { tenant, user };
  }

  return {
    async list(principal) {
      const { tenantId, family } = principal;
      const [here, emailKey] = await Promise.all([
        access.describe(tenantId),
        emailKeyOf(principal),
      ]);
      if (here === undefined) throw unauthenticated();
      if (family === undefined || emailKey === undefined) return [here];
      const familyHash = Buffer.from(family, 'base64url');
      const ids = await otherTenants(emailKey, tenantId);
      const found = await settleAll(ids, TENANTS_AT_ONCE, async (id) => {
        const tenant = await access.describe(id);
        if (tenant === undefined || !maySignIn(tenant)) return undefined;
        return findProven(tenant, familyHash, emailKey);
      });
      // One that cannot be reached now cannot be switched to either.
      const others = found.flatMap((each) =>
        each.status === 'fulfilled' && each.value !== undefined ? [each.value.tenant] : [],
      );
      return [here, ...others].sort((a, b) => (a.slug < b.slug ? -1 : 1));
    },

    async switchTo(principal, { tenantSlug, refreshToken, client }) {
      const shown = parseRefreshToken(refreshToken);
      const ours =
        shown?.tenantId === principal.tenantId && shown.sessionId === principal.sessionId;
      if (!ours || !(await access.run(shown.tenantId, (sql) => holdsGeneration(sql, shown)))) {
        throw badUserInput('Expected the last refresh token of the session that asks.', {
          field: 'refreshToken',
        });
      }
      const { tenant, user } = await getProven(principal, shown.familyHash, tenantSlug);
      const family = familyOf(refreshToken);
      const { userId, passwordHash: verifiedHash, secondFactorShown } = user;
      if (user.secondFactor && !secondFactorShown) {
        const credential = credentialOf(verifiedHash);
        const made = deps.challenges.issue({
          userId,
          tenantId: tenant.id,
          credential,
          family: family.toString('base64url'),
        });
        const { token: challenge, expiresAt: challengeExpiresAt } = made;
        return { kind: 'secondFactor', tenant, challenge, challengeExpiresAt };
      }
      const token = createRefreshToken(tenant.id, uuidv7(), family);
      const opened = await access.run(tenant.id, (sql) =>
        openSession(sql, {
          userId,
          verifiedHash,
          secondFactorShown,
          token,
          ttlSeconds: deps.refreshTokenTtlSeconds,
          client,
        }),
      );
      if (opened === undefined) throw notProven();
      return { kind: 'signedIn', session: issueSession(deps.accessTokens, tenant, opened, token) };
    },
  };

  /** One answer for what does not exist, is not theirs, or was not proven. */
  async function getProven(
    principal: Principal,
    familyHash: Buffer,
    slug: string,
  ): Promise<Proven> {
    const emailKey = await emailKeyOf(principal);
    if (emailKey === undefined) throw notProven();
    for (const id of await otherTenants(emailKey, principal.tenantId)) {
      const tenant = await access.describe(id);
      if (tenant?.slug !== slug) continue;
      const refusal = refusalOf(tenant);
      if (!maySignIn(tenant) && refusal === undefined) break;
      const proven = await findProven(tenant, familyHash, emailKey);
      if (proven === undefined) break;
      // Told only to those who have shown the password there.
      if (refusal !== undefined) throw refusal;
      return proven;
    }
    throw notProven();
  }
}

const notProven = () =>
  badUserInput(
    'Expected one of the organisations that the password of this log-in fits in: sign in there.',
    { field: 'tenant' },
  );
