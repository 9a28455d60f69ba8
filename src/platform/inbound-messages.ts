/**
 * Messages that come in for a telephone number: the number decides the tenant, and the number's
 * secret whether the message is to be believed.
 */
import { maySignIn, refusalOf } from '../auth/ports';
import type { AppError } from '../errors';
import type { Tenancy } from '../tenancy/tenancy';
import { describeTenant } from '../tenancy/tenant-status';
import type { OperationSession } from '../tenancy/session.port';

export interface ReceivedMessage<M> {
  /** E.164; anything else is nobody's number. */
  readonly to: string;
  readonly scheme: string;
  readonly isSigned: (secret: string) => boolean;
  /** Called once the message is believed; what it throws refuses it. */
  readonly admit: () => Promise<void>;
  readonly message: M;
  readonly requestId: string;
}

/**
 * `refused`: nobody's number, signed otherwise, or of a tenant that is closed; all the same to the
 * sender. `outOfService`: the tenant takes no messages now; the sender may try again later.
 */
export type Reception =
  | { readonly kind: 'stored'; readonly tenantId: string }
  | { readonly kind: 'refused' }
  | { readonly kind: 'outOfService'; readonly tenantId: string; readonly reason: AppError };

export interface InboundMessagesDeps<M> {
  readonly tenancy: Pick<Tenancy, 'routes' | 'directory' | 'openSession'>;
  /** Stores a message in its tenant, once. */
  readonly record: (session: OperationSession, message: M) => Promise<unknown>;
}

const E164 = /^\+[1-9]\d{6,14}$/;
/** Nobody's: what messages for an unknown number are checked against, for the time it takes. */
const NO_SECRET = 'the-secret-of-no-number';

/** @throws TENANT_UNAVAILABLE and what else a database may say: the message is not stored then. */
export function createInboundMessages<M>({ tenancy, record }: InboundMessagesDeps<M>) {
  return async (received: ReceivedMessage<M>): Promise<Reception> => {
    const { to, scheme, isSigned, admit, message, requestId } = received;
    const route = E164.test(to) ? await tenancy.routes.findNumber(to) : undefined;
    const isGenuine = isSigned(route?.secret ?? NO_SECRET);
    if (route === undefined || route.scheme !== scheme || !isGenuine) return { kind: 'refused' };
    await admit();

    const { tenantId } = route;
    const tenant = await tenancy.directory.findTenant(tenantId);
    if (tenant === undefined) return { kind: 'refused' };
    const description = describeTenant(tenant);
    if (!maySignIn(description)) {
      const reason = description.status === 'closed' ? undefined : refusalOf(description);
      return reason === undefined
        ? { kind: 'refused' }
        : { kind: 'outOfService', tenantId, reason };
    }
    const session = tenancy.openSession(tenant, { userId: undefined, requestId });
    try {
      await record(session, message);
      return { kind: 'stored', tenantId };
    } finally {
      await session.end();
    }
  };
}
