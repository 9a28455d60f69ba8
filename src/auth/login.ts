/**
 * Log-in: the e-mail's key → the registry's index → each tenant that knows it → the password, there.
 *
 * An unknown e-mail, a wrong password, a disabled user and a closed tenant get the same answer at the
 * same cost: a tenant without a usable password is verified against a hash that fits nothing, and
 * every refusal waits for the same beat.
 */
import { uuidv7 } from 'uuidv7';
import { badUserInput, invalidCredentials } from '../errors';
import { settleAll } from '../lib/settle-all';
import type { AccessTokens } from './access-tokens';
import { normalizeEmail, type EmailIndexKeyOf } from './email-address';
import { issueSession, type IssuedSession } from './issue-session';
import type { LoginLimits } from './login-limits';
import { padFailures } from './pad-failures';
import { isOversizedPassword, type Passwords } from './passwords';
import {
  maySignIn,
  refusalOf,
  type EmailIndex,
  type TenantAccess,
  type TenantDescription,
} from './ports';
import type { ProveElsewhere } from './prove-elsewhere';
import { createRefreshToken, familyOf } from './refresh-tokens';
import { credentialOf, type SecondFactorChallenges } from './second-factor-challenges';
import { openSession, type Client } from './user-sessions.store';
import { findCredentialsByEmail, type Credentials } from './users.store';

export interface LoginInput {
  readonly email: string;
  readonly password: string;
  /** Names one of several tenants; needed when the password fits in more than one. */
  readonly tenantSlug?: string | undefined;
  readonly client: Client;
}

export type LoginOutcome =
  | { readonly kind: 'signedIn'; readonly session: IssuedSession }
  /** The password fits, and the user has a second factor: `completeSignIn` takes both. */
  | SecondFactorWanted
  /** The password fits in several tenants and none was named: log in again and name one. */
  | { readonly kind: 'chooseTenant'; readonly tenants: readonly TenantDescription[] };

export interface SecondFactorWanted {
  readonly kind: 'secondFactor';
  readonly tenant: TenantDescription;
  readonly challenge: string;
  readonly challengeExpiresAt: Date;
}

export interface LoginDependencies {
  readonly emailIndex: EmailIndex;
  readonly access: TenantAccess;
  readonly emailIndexKeyOf: EmailIndexKeyOf;
  readonly passwords: Passwords;
  readonly limits: LoginLimits;
  readonly accessTokens: AccessTokens;
  readonly challenges: Pick<SecondFactorChallenges, 'issue'>;
  readonly proveElsewhere: ProveElsewhere;
  readonly refreshTokenTtlSeconds: number;
  /** Refusals come at multiples of this. */
  readonly refusalBeatMs?: number;
}

/** A log-in whose password fitted, with what was looked up for it. */
interface Known extends LoginInput {
  readonly emailKey: string;
  /** Of all tenants that know the address. */
  readonly tenantIds: readonly string[];
}

type UsableCredentials = Credentials & { readonly passwordHash: string };

/** A tenant that knows the e-mail; without credentials when nobody may sign in there with it. */
interface Candidate {
  readonly tenant: TenantDescription;
  readonly credentials: UsableCredentials | undefined;
}

interface Fitting extends Candidate {
  readonly credentials: UsableCredentials;
}

/** Well above look-up and verification on a warm, unloaded server: refusals then all take just this. */
const REFUSAL_BEAT_MS = 250;
/** An address in more tenants than this must name one: each costs a verification. */
const MAX_CANDIDATES = 20;
const TENANTS_AT_ONCE = 4;

/**
 * @throws UNAUTHENTICATED, RATE_LIMITED, BAD_USER_INPUT (password too long), TENANT_SUSPENDED (only
 *   once the password fitted), TENANT_UNAVAILABLE when it may have fitted in one that cannot be reached
 */
export function createLogin(deps: LoginDependencies): (input: LoginInput) => Promise<LoginOutcome> {
  const { emailIndex, access, passwords, limits, refusalBeatMs = REFUSAL_BEAT_MS } = deps;

  return async (input) => {
    if (isOversizedPassword(input.password)) {
      throw badUserInput('Expected a password of at most 1024 bytes.', { field: 'password' });
    }
    const emailKey = normalizeEmail(input.email);
    const indexKey = deps.emailIndexKeyOf(emailKey);
    const attempt = await limits.begin(indexKey.toString('base64'), input.client.ip);
    let verified = false;
    try {
      return await padFailures(refusalBeatMs, async () => {
        const tenantIds = await emailIndex.findTenantIds(indexKey);
        const { candidates, failure } = await findCandidates(tenantIds, emailKey, input.tenantSlug);
        if (candidates.length === 0 && failure !== undefined) throw failure;
        const fitting = await verifyAll(candidates, input.password);
        verified = true;
        // What could not be reached may be where the password fits: "wrong" would be a guess.
        if (fitting.length === 0) throw failure ?? invalidCredentials();
        await attempt.succeeded();
        return await admit(fitting, { ...input, emailKey, tenantIds });
      });
    } catch (error) {
      if (!verified) await attempt.discounted();
      throw error;
    }
  };

  async function findCandidates(
    tenantIds: readonly string[],
    emailKey: string,
    slug: string | undefined,
  ) {
    const considered = slug === undefined ? tenantIds.slice(0, MAX_CANDIDATES) : tenantIds;
    const results = await settleAll(considered, TENANTS_AT_ONCE, async (tenantId) => {
      const tenant = await access.describe(tenantId);
      if (tenant === undefined || (slug !== undefined && tenant.slug !== slug)) return undefined;
      return { tenant, credentials: await findUsableCredentials(tenant, emailKey) };
    });
    const candidates: Candidate[] = [];
    let failure: unknown;
    for (const result of results) {
      if (result.status === 'rejected') failure ??= result.reason;
      else if (result.value !== undefined) candidates.push(result.value);
    }
    return { candidates, failure };
  }

  async function findUsableCredentials(
    tenant: TenantDescription,
    emailKey: string,
  ): Promise<UsableCredentials | undefined> {
    if (!maySignIn(tenant) && refusalOf(tenant) === undefined) return undefined;
    const finding = access.run(tenant.id, (sql) => findCredentialsByEmail(sql, emailKey));
    // Of a closed tenant the data may be gone: that must not keep its people from their others.
    const found = await (tenant.status === 'closed' ? finding.catch(() => undefined) : finding);
    if (found?.status !== 'active' || found.passwordHash === null) return undefined;
    return { ...found, passwordHash: found.passwordHash };
  }

  async function verifyAll(candidates: readonly Candidate[], password: string): Promise<Fitting[]> {
    if (candidates.length === 0) await passwords.verify(undefined, password);
    const fits = await Promise.all(
      candidates.map(({ credentials }) => passwords.verify(credentials?.passwordHash, password)),
    );
    return candidates.filter(
      (candidate, index): candidate is Fitting =>
        candidate.credentials !== undefined && fits[index] === true,
    );
  }

  async function admit(fitting: readonly Fitting[], input: Known): Promise<LoginOutcome> {
    const open = fitting.filter(({ tenant }) => maySignIn(tenant));
    const [first, ...others] = open;
    if (first === undefined) {
      // Of several that are out of service it is told of one; of one that is not, there is `first`.
      const refusals = fitting.flatMap(({ tenant }) => refusalOf(tenant) ?? []);
      throw refusals[0] ?? invalidCredentials();
    }
    if (others.length > 0) {
      const tenants = open.map(({ tenant }) => tenant);
      return { kind: 'chooseTenant', tenants: tenants.sort((a, b) => (a.slug < b.slug ? -1 : 1)) };
    }
    return signIn(first, input);
  }

  async function signIn(
    { tenant, credentials }: Fitting,
    { emailKey, tenantIds, tenantSlug, password, client }: Known,
  ): Promise<LoginOutcome> {
    const { userId, passwordHash } = credentials;
    const rehash = passwords.isOutdated(passwordHash) ? await passwords.hash(password) : undefined;
    const token = createRefreshToken(tenant.id, uuidv7());
    const { familyHash } = token;
    const verifiedHash = passwordHash;
    const prove = async (hash: string): Promise<void> => {
      // Where none was named, the password was tried everywhere, and fits nowhere else.
      if (tenantSlug === undefined) return;
      const here = { tenantId: tenant.id, userId, verifiedHash: hash };
      const elsewhere = tenantIds.filter((id) => id !== tenant.id);
      await deps.proveElsewhere({ emailKey, password, familyHash, here, elsewhere });
    };
    if (credentials.secondFactor) {
      await prove(verifiedHash);
      const family = familyOf(token.token).toString('base64url');
      const credential = credentialOf(verifiedHash);
      const made = deps.challenges.issue({ userId, tenantId: tenant.id, credential, family });
      const { token: challenge, expiresAt: challengeExpiresAt } = made;
      return { kind: 'secondFactor', tenant, challenge, challengeExpiresAt };
    }
    const user = await access.run(tenant.id, (sql) =>
      openSession(sql, {
        userId,
        verifiedHash,
        rehash,
        token,
        ttlSeconds: deps.refreshTokenTtlSeconds,
        client,
      }),
    );
    // Disabled, or the password changed, between the look and now.
    if (user === undefined) throw invalidCredentials();
    await prove(rehash ?? verifiedHash);
    return { kind: 'signedIn', session: issueSession(deps.accessTokens, tenant, user, token) };
  }
}
