import type { TenantDescription } from '../auth/ports';
import type { TenantRow } from './registry.store';

/**
 * The tenant as authentication sees it. A trial is over at its end, to the moment, whether or not the
 * job that writes so into the registry has come by: what is kept there may be a round old.
 */
export function describeTenant(
  { id, slug, name, status, trialEndsAt }: TenantRow,
  now = Date.now(),
): TenantDescription {
  const trialIsOver = trialEndsAt !== null && trialEndsAt.getTime() <= now;
  const ended = trialIsOver && (status === 'trial' || status === 'suspended');
  return { id, slug, name, status: ended ? 'trial_ended' : status };
}
