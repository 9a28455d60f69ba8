/**
 * Invitations: an admin makes a user without a password, a link goes to their address, and whoever
 * follows it chooses a password and is signed in.
 */
import { uuidv7 } from 'uuidv7';
import { badUserInput, rateLimited } from '../errors';
import { DAY, SECOND } from '../lib/duration';
import type { FollowUpWork } from '../lib/follow-up-work';
import type { DeliverMail } from '../mail/mail';
import { invitationMail } from '../mail/messages';
import type { AccessTokens } from './access-tokens';
import { issueSession, type IssuedSession } from './issue-session';
import { networkOf } from './login-limits';
import { createMailedToken, parseMailedToken } from './mailed-tokens';
import { newPasswordFault, type Passwords } from './passwords';
import { maySignIn, refusalOf, type TenantAccess } from './ports';
import { createRefreshToken } from './refresh-tokens';
import type { RequestLimit } from './request-limit';
import { issueLink, linkWorks, setPassword, useLink } from './user-tokens.store';
import { openSession, type Client } from './user-sessions.store';

export interface AcceptInvitationInput {
  readonly token: string;
  readonly password: string;
  readonly client: Client;
}

export interface Invitations {
  /**
   * Has the mail sent, soon: an earlier link stops working. For a user who is not invited (any more),
   * nothing happens. @throws RATE_LIMITED when the organisation sends too many
   */
  send(invited: Invited): Promise<void>;
  /** Makes the link and hands the mail on: one attempt, which may be repeated. */
  deliver(invited: Invited): Promise<void>;
  /** @throws BAD_USER_INPUT naming `token` or `password`, RATE_LIMITED, TENANT_SUSPENDED */
  accept(input: AcceptInvitationInput): Promise<IssuedSession>;
}

export interface Invited {
  readonly tenantId: string;
  readonly userId: string;
}

export interface InvitationDependencies {
  readonly access: TenantAccess;
  readonly accessTokens: AccessTokens;
  readonly passwords: Passwords;
  readonly deliverMail: DeliverMail;
  readonly followUps: FollowUpWork;
  /** How many one organisation may send. */
  readonly sendLimit: RequestLimit;
  /** How often one address may try links. */
  readonly linkLimit: RequestLimit;
  /** Where the front end is, without a slash at its end. */
  readonly publicUrl: string;
  readonly refreshTokenTtlSeconds: number;
}

const VALID_DAYS = 7;
const TTL_SECONDS = (VALID_DAYS * DAY) / SECOND;

export function createInvitations(deps: InvitationDependencies): Invitations {
  const { access, passwords } = deps;

  const service: Invitations = {
    async send(invited) {
      const waitSeconds = await deps.sendLimit.take(invited.tenantId);
      if (waitSeconds !== undefined) throw rateLimited(waitSeconds);
      deps.followUps.add('invitation', () => service.deliver(invited));
    },

    async deliver({ tenantId, userId }) {
      const tenant = await access.describe(tenantId);
      if (tenant === undefined) return;
      const token = createMailedToken(tenantId, uuidv7());
      const link = { purpose: 'invitation', token, ttlSeconds: TTL_SECONDS } as const;
      const found = await access.run(tenantId, (sql) => issueLink(sql, { userId }, link));
      if (found === undefined) return; // accepted, cancelled or deleted meanwhile
      await deps.deliverMail(
        invitationMail(
          { name: found.name, address: found.email },
          {
            organisation: tenant.name,
            // Behind the #, so that no server on the way writes it into its log.
            link: `${deps.publicUrl}/accept-invitation#token=${token.token}`,
            days: VALID_DAYS,
          },
        ),
      );
    },

    async accept({ token, password, client }) {
      const waitSeconds = await deps.linkLimit.take(networkOf(client.ip));
      if (waitSeconds !== undefined) throw rateLimited(waitSeconds);
      const fault = newPasswordFault(password);
      if (fault !== undefined) throw badUserInput(`password ${fault}.`, { field: 'password' });
      const shown = parseMailedToken(token);
      const tenant = shown && (await access.describe(shown.tenantId));
      if (shown === undefined || tenant === undefined) throw lapsed();
      if (!maySignIn(tenant)) throw refusalOf(tenant) ?? lapsed();
      const works = await access.run(tenant.id, (sql) => linkWorks(sql, shown, 'invitation'));
      if (!works) throw lapsed();
      const passwordHash = await passwords.hash(password);
      const session = createRefreshToken(tenant.id, uuidv7());
      const user = await access.transaction(tenant.id, async (sql) => {
        const used = await useLink(sql, shown, 'invitation');
        if (used === undefined) throw lapsed(); // by somebody at the same time
        const { userId } = used;
        await setPassword(sql, { userId, passwordHash });
        return openSession(sql, {
          userId,
          verifiedHash: passwordHash,
          token: session,
          ttlSeconds: deps.refreshTokenTtlSeconds,
          client,
        });
      });
      if (user === undefined) throw lapsed();
      return issueSession(deps.accessTokens, tenant, user, session);
    },
  };
  return service;
}

const lapsed = () =>
  badUserInput('The invitation was used, cancelled, or has lapsed: ask for another one.', {
    field: 'token',
  });
