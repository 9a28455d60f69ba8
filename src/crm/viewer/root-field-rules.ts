/** Who may call the root fields about signing in. */
import { unauthenticated } from '../../errors';
import type { Principal } from '../../auth/principal';
import type { FieldExtensions } from '../../graphql/extensions';
import type { RequestContext } from '../../request/context';

export const PUBLIC: FieldExtensions = { rule: 'public' };
export const ANY_ROLE: FieldExtensions = { rule: 'reader' };

export const clientOf = ({ remoteAddress, userAgent }: RequestContext) => ({
  ip: remoteAddress,
  userAgent,
});

/** The rule of the root field has seen to it that there is one. */
export function principalOf({ principal }: RequestContext): Principal {
  if (principal === undefined) throw unauthenticated();
  return principal;
}
