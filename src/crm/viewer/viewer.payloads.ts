import type { IssuedSession } from '../../auth/issue-session';
import type { LoginOutcome } from '../../auth/login';
import type { TenantDescription } from '../../auth/ports';
import { toTypeId } from '../../lib/type-id';
import type { SessionPayload, Tenant } from './viewer.type';

export const toTenant = ({ id, slug, name }: TenantDescription): Tenant => ({
  id: toTypeId('tenant', id),
  slug,
  name,
});

export const toSessionPayload = ({ tenant, user, ...tokens }: IssuedSession): SessionPayload => ({
  ...tokens,
  signedIn: { tenantId: tenant.id, userId: user.id },
  tenant: toTenant(tenant),
  tenants: [toTenant(tenant)],
  userErrors: [],
});

export function toLoginPayload(outcome: LoginOutcome): SessionPayload {
  switch (outcome.kind) {
    case 'signedIn':
      return toSessionPayload(outcome.session);
    case 'chooseTenant':
      return { tenants: outcome.tenants.map(toTenant), userErrors: [] };
    case 'secondFactor': {
      const { tenant, challenge, challengeExpiresAt } = outcome;
      return {
        tenant: toTenant(tenant),
        mfaChallenge: challenge,
        mfaChallengeExpiresAt: challengeExpiresAt,
        userErrors: [],
      };
    }
  }
}
