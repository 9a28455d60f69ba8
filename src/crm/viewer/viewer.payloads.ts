import type { IssuedSession } from '../../auth/issue-session';
import type { LoginOutcome } from '../../auth/login';
import type { TenantDescription } from '../../auth/ports';
import { isAppError } from '../../errors';
import { invalidError } from '../../graphql/user-errors';
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

export const toLoginPayload = (outcome: LoginOutcome): SessionPayload =>
  outcome.kind === 'signedIn'
    ? toSessionPayload(outcome.session)
    : { tenants: outcome.tenants.map(toTenant), userErrors: [] };

/** The payload of what the work returns, or of what the input has wrong. */
export async function sessionPayload<T>(
  work: Promise<T>,
  toPayload: (result: T) => SessionPayload,
): Promise<SessionPayload> {
  try {
    return toPayload(await work);
  } catch (error) {
    // Authentication knows no GraphQL: it names the input's field in the details of its error.
    if (!isAppError(error) || error.code !== 'BAD_USER_INPUT') throw error;
    return { userErrors: [invalidError([String(error.details['field'])], error.message)] };
  }
}
