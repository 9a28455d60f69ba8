/**
 * A new password for who has forgotten theirs: a link to their address, one for each organisation.
 *
 * Asking is answered at once and always alike; everything that depends on the address happens after
 * the answer. Limits are apart from those of log-in, so that nobody can lock somebody out of both.
 */
import { uuidv7 } from 'uuidv7';
import { badUserInput, overloaded, rateLimited } from '../errors';
import { MINUTE, SECOND } from '../lib/duration';
import type { FollowUpWork } from '../lib/follow-up-work';
import { settleAll } from '../lib/settle-all';
import type { DeliverMail } from '../mail/mail';
import { passwordResetMail } from '../mail/messages';
import { normalizeEmail, type EmailIndexKeyOf } from './email-address';
import { networkOf, type LoginLimits } from './login-limits';
import { createMailedToken, parseMailedToken } from './mailed-tokens';
import type { SendNotice } from './notices';
import { newPasswordFault, type Passwords } from './passwords';
import { maySignIn, refusalOf, type EmailIndex, type TenantAccess } from './ports';
import type { RequestLimit } from './request-limit';
import type { SessionCheck } from './session-check';
import { issueLink, linkWorks, setPassword, useLink } from './user-tokens.store';
import { revokeSessionsOfUser } from './session-endings.store';
import type { Client } from './user-sessions.store';
import { ownPasswordAccount } from './verify-own-password';

export interface ResetPasswordInput {
  readonly token: string;
  readonly newPassword: string;
  readonly client: Client;
}

export interface PasswordReset {
  /** @throws RATE_LIMITED by address asked for and address asked from, known or not; OVERLOADED */
  request(input: { readonly email: string; readonly client: Client }): Promise<void>;
  /**
   * Sets the password, ends all sessions of the user and lifts what locked their account. Signs
   * nobody in: a second factor stays in force.
   * @throws BAD_USER_INPUT naming `token` or `newPassword`, RATE_LIMITED, TENANT_SUSPENDED
   */
  reset(input: ResetPasswordInput): Promise<void>;
}

export interface PasswordResetDependencies {
  readonly access: TenantAccess;
  readonly emailIndex: EmailIndex;
  readonly emailIndexKeyOf: EmailIndexKeyOf;
  readonly passwords: Passwords;
  readonly sessionCheck: SessionCheck;
  readonly loginLimits: LoginLimits;
  readonly deliverMail: DeliverMail;
  readonly followUps: FollowUpWork;
  readonly sendNotice: SendNotice;
  readonly limits: {
    /** How many mails one address gets. */
    readonly perAccount: RequestLimit;
    /** How many one address may ask for. */
    readonly perAddress: RequestLimit;
    /** How often one address may try links. */
    readonly links: RequestLimit;
  };
  /** Where the front end is, without a slash at its end. */
  readonly publicUrl: string;
}

const VALID_MINUTES = 60;
const TTL_SECONDS = (VALID_MINUTES * MINUTE) / SECOND;
const MAX_TENANTS = 50;
const TENANTS_AT_ONCE = 4;
/** RFC 5321, 4.5.3.1: longer ones are nobody's. */
const MAX_EMAIL_CHARACTERS = 320;

export function createPasswordReset(deps: PasswordResetDependencies): PasswordReset {
  const { access, passwords, limits } = deps;

  return {
    async request({ email, client }) {
      if (email.length > MAX_EMAIL_CHARACTERS) {
        throw badUserInput('Expected an e-mail address.', { field: 'email' });
      }
      const emailKey = normalizeEmail(email);
      const indexKey = deps.emailIndexKeyOf(emailKey);
      const waitSeconds =
        (await limits.perAddress.take(networkOf(client.ip))) ??
        (await limits.perAccount.take(indexKey.toString('base64')));
      if (waitSeconds !== undefined) throw rateLimited(waitSeconds);
      try {
        deps.followUps.add('password-reset', () => sendLinks(emailKey, indexKey));
      } catch (error) {
        throw overloaded(error);
      }
    },

    async reset({ token, newPassword, client }) {
      const waitSeconds = await limits.links.take(networkOf(client.ip));
      if (waitSeconds !== undefined) throw rateLimited(waitSeconds);
      const fault = newPasswordFault(newPassword);
      if (fault !== undefined)
        throw badUserInput(`newPassword ${fault}.`, { field: 'newPassword' });
      const shown = parseMailedToken(token);
      const tenant = shown && (await access.describe(shown.tenantId));
      if (shown === undefined || tenant === undefined) throw lapsed();
      if (!maySignIn(tenant)) throw refusalOf(tenant) ?? lapsed();
      const works = await access.run(tenant.id, (sql) => linkWorks(sql, shown, 'password_reset'));
      if (!works) throw lapsed();
      const passwordHash = await passwords.hash(newPassword);
      const { userId, emailKey, ended } = await access.transaction(tenant.id, async (sql) => {
        const used = await useLink(sql, shown, 'password_reset');
        if (used === undefined) throw lapsed(); // by somebody at the same time
        await setPassword(sql, { userId: used.userId, passwordHash });
        const reason = 'password_changed';
        return { ...used, ended: await revokeSessionsOfUser(sql, used.userId, reason) };
      });
      ended.forEach((sessionId) => deps.sessionCheck.forget(sessionId));
      await deps.loginLimits.forgive(deps.emailIndexKeyOf(emailKey).toString('base64'));
      await deps.loginLimits.forgive(ownPasswordAccount({ tenantId: tenant.id, userId }));
      deps.sendNotice(
        { tenantId: tenant.id, userId },
        'Your password was changed by a mailed link',
      );
    },
  };

  /** One mail with a link for each organisation where somebody signs in with the address. */
  async function sendLinks(emailKey: string, indexKey: Buffer): Promise<void> {
    const tenantIds = (await deps.emailIndex.findTenantIds(indexKey)).slice(0, MAX_TENANTS);
    const results = await settleAll(tenantIds, TENANTS_AT_ONCE, async (tenantId) => {
      const tenant = await access.describe(tenantId);
      if (tenant === undefined || !maySignIn(tenant)) return [];
      const token = createMailedToken(tenantId, uuidv7());
      const link = { purpose: 'password_reset', token, ttlSeconds: TTL_SECONDS } as const;
      const found = await access.run(tenantId, (sql) => issueLink(sql, { emailKey }, link));
      if (found === undefined) return [];
      const url = `${deps.publicUrl}/reset-password#token=${token.token}`;
      return [{ to: found, organisation: tenant.name, link: url }];
    });
    const links = results.flatMap((each) => (each.status === 'fulfilled' ? each.value : []));
    const failed = results.find((each) => each.status === 'rejected');
    const [first] = links;
    if (first !== undefined) {
      const to = { name: first.to.name, address: first.to.email };
      await deps.deliverMail(passwordResetMail(to, { links, minutes: VALID_MINUTES }));
    } else if (failed !== undefined) {
      throw failed.reason; // what cannot be reached may be where they are: tried again
    }
  }
}

const lapsed = () =>
  badUserInput('The link was used or has lapsed: ask for a new one.', { field: 'token' });
