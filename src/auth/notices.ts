/** Mails that tell a user what happened to their account, which they may not have done themself. */
import type { FollowUpWork } from '../lib/follow-up-work';
import type { DeliverMail } from '../mail/mail';
import { securityNoticeMail } from '../mail/messages';
import type { TenantAccess } from './ports';
import { findSignedInUser } from './users.store';

/** Never fails and is not waited for: what happened has happened. */
export type SendNotice = (
  user: { readonly tenantId: string; readonly userId: string },
  happened: string,
) => void;

export function createSendNotice(deps: {
  readonly access: TenantAccess;
  readonly deliver: DeliverMail;
  readonly followUps: FollowUpWork;
}): SendNotice {
  const { access, deliver, followUps } = deps;
  return ({ tenantId, userId }, happened) => {
    followUps.add('security-notice', async () => {
      const [tenant, user] = await Promise.all([
        access.describe(tenantId),
        access.run(tenantId, (sql) => findSignedInUser(sql, userId)),
      ]);
      if (tenant === undefined || !user?.email) return;
      const to = { name: user.name, address: user.email };
      await deliver(securityNoticeMail(to, { organisation: tenant.name, happened }));
    });
  };
}
