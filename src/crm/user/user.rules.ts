/**
 * What is special about users: they sign in. Their address is known to the registry, which routes
 * log-ins to tenants; their password is kept as a hash; and who is shut out is shut out at once.
 */
import { normalizeEmail } from '../../auth/email-address';
import { newPasswordFault } from '../../auth/passwords';
import type { Fault, KindRow, KindRules, RuleContext, Written } from '../kind/kind';
import { refuseCycle } from '../kind/refuse-cycle';

const refuseManagerCycle = refuseCycle('users', 'manager');

interface UserValues {
  readonly email?: string | null;
  readonly password?: string | null;
  readonly role?: string | null;
  readonly status?: string | null;
}

export const userRules: KindRules<UserValues> = {
  needsCurrent: true,
  validate(values, current, fault, actorId) {
    if (typeof values.password === 'string') {
      const passwordFault = newPasswordFault(values.password);
      if (passwordFault !== undefined) fault('password', passwordFault);
    }
    if (current !== undefined && current.id === actorId) refuseOwnRights(values, current, fault);
  },
  async derive({ email, password }, { hashPassword }) {
    return {
      ...(email === undefined ? {} : { email_key: email === null ? null : normalizeEmail(email) }),
      // Without a password there is none to sign in with.
      ...(password === undefined
        ? {}
        : { password_hash: password === null ? null : await hashPassword(password) }),
    };
  },
  async check(context, written, fault) {
    await refuseManagerCycle(context, written, fault);
    await routeEmail(context, written);
    endSessions(context, written);
  },
  async removed(context, row, fault) {
    if (row.id === context.actorId) fault('Users cannot delete themselves: ask another admin.');
    unrouteEmail(context, row['email']);
    context.afterCommit(async () => context.services.endSessions?.(row.id, 'user_disabled'));
  },
  async restored(context, { email }) {
    if (typeof email === 'string') await route(context, email);
  },
};

/** An organisation must not lock itself out by its last admin's slip. */
function refuseOwnRights(values: UserValues, current: KindRow, fault: Fault): void {
  for (const field of ['role', 'status'] as const) {
    const value = values[field];
    if (value !== undefined && value !== current[field]) {
      fault(field, 'cannot be changed by the user themself');
    }
  }
}

function endSessions(
  { services, afterCommit }: RuleContext,
  { row, before, given }: Written,
): void {
  if (before === undefined) return;
  const shutOut = row['status'] !== 'active' && before['status'] === 'active';
  if (!shutOut && given['password'] === undefined) return;
  const reason = shutOut ? 'user_disabled' : 'password_changed';
  afterCommit(async () => services.endSessions?.(row.id, reason));
}

async function routeEmail(context: RuleContext, { row, before }: Written): Promise<void> {
  if (typeof row['email'] === 'string') await route(context, row['email']);
  if (before?.['email'] !== row['email']) unrouteEmail(context, before?.['email']);
}

/** Addresses that a transaction has routed: one user's former address can be another's new one. */
const routed = new WeakMap<RuleContext, Set<string>>();

const routedBy = (context: RuleContext): Set<string> => {
  const addresses = routed.get(context) ?? new Set<string>();
  routed.set(context, addresses);
  return addresses;
};

/** Before the commit: an address too many costs a look, one too few a log-in. */
async function route(context: RuleContext, email: string): Promise<void> {
  routedBy(context).add(normalizeEmail(email));
  await context.services.emailRouting.add(email);
}

function unrouteEmail(context: RuleContext, email: unknown): void {
  if (typeof email !== 'string') return;
  context.afterCommit(async () => {
    if (routedBy(context).has(normalizeEmail(email))) return;
    // The user is changed even if the registry cannot be reached: it then keeps an address too many.
    await context.services.emailRouting.remove(email).catch(() => undefined);
  });
}
