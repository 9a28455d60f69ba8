/**
 * How log-in sessions end before their time. As in `user-sessions.store`, every end is one
 * conditional statement; what would open a session anew goes with it.
 */
import type { SqlRunner } from '../database/statement';
import type { RefreshToken } from './refresh-tokens';

/** Why a session ended before its time; the table's CHECK knows the same words. */
export type RevocationReason =
  'logout' | 'refresh_token_reused' | 'password_changed' | 'user_disabled' | 'revoked';

/** A session that ends takes the way back into its organisation with it. `ended`: what has ended. */
const WITHDRAW_PROOF = `
  delete from cloister.sign_in_proofs p using ended e
  where p.tenant_id = $1 and p.family_hash = e.refresh_family_hash`;

/** The release before has nothing to withdraw, and no links. */
const CREDENTIALS_MIGRATION = '0005_credentials';

/** Ends what `ended` says, and withdraws its proofs where there are any. */
const endingSessions = (ended: string) => ({
  text: `with ended as (${ended}) ${WITHDRAW_PROOF}`,
  older: { than: CREDENTIALS_MIGRATION, text: ended },
});

/**
 * Ends the session of a token that was used before: of its family, but not of its generation. A
 * made-up token ends nothing, nor does the right one of a session that no longer holds.
 */
export async function revokeReusedFamily(runner: SqlRunner, token: RefreshToken): Promise<void> {
  await runner.query({
    ...endingSessions(
      `update cloister.user_sessions
             set revoked_at = now(), revoked_reason = 'refresh_token_reused'
             where tenant_id = $1 and id = $2 and refresh_family_hash = $3
               and refresh_generation_hash <> $4 and revoked_at is null
             returning refresh_family_hash`,
    ),
    values: [runner.localTenantId, token.sessionId, token.familyHash, token.generationHash],
  });
}

/** Ends the session of a token of its family, whatever the token's generation. */
export async function revokeFamily(
  runner: SqlRunner,
  token: RefreshToken,
  reason: RevocationReason,
): Promise<void> {
  await runner.query({
    ...endingSessions(
      `update cloister.user_sessions set revoked_at = now(), revoked_reason = $4
             where tenant_id = $1 and id = $2 and refresh_family_hash = $3 and revoked_at is null
             returning refresh_family_hash`,
    ),
    values: [runner.localTenantId, token.sessionId, token.familyHash, reason],
  });
}

export async function revokeSession(
  runner: SqlRunner,
  sessionId: string,
  reason: RevocationReason,
): Promise<void> {
  await runner.query({
    ...endingSessions(
      `update cloister.user_sessions set revoked_at = now(), revoked_reason = $3
             where tenant_id = $1 and id = $2 and revoked_at is null
             returning refresh_family_hash`,
    ),
    values: [runner.localTenantId, sessionId, reason],
  });
}

/** A session of the user's own. @returns whether there was one that stood */
export async function revokeSessionOfUser(
  runner: SqlRunner,
  { sessionId, userId }: { readonly sessionId: string; readonly userId: string },
): Promise<boolean> {
  const rows = await runner.query({
    text: `with ended as (
             update cloister.user_sessions set revoked_at = now(), revoked_reason = 'revoked'
             where tenant_id = $1 and id = $2 and user_id = $3 and revoked_at is null
               and expires_at > now()
             returning id, refresh_family_hash
           ), withdrawn as (${WITHDRAW_PROOF})
           select id from ended`,
    older: {
      than: CREDENTIALS_MIGRATION,
      text: `update cloister.user_sessions set revoked_at = now(), revoked_reason = 'revoked'
             where tenant_id = $1 and id = $2 and user_id = $3 and revoked_at is null
               and expires_at > now()
             returning id, refresh_family_hash`,
    },
    values: [runner.localTenantId, sessionId, userId],
  });
  return rows.length > 0;
}

/**
 * Ends all sessions of a user, with what else would open one: links to a new password, and proofs of
 * log-ins elsewhere.
 * @param keptSessionId a session that goes on, with its proof
 * @returns the ids of those that ended now
 */
export async function revokeSessionsOfUser(
  runner: SqlRunner,
  userId: string,
  reason: RevocationReason,
  keptSessionId: string | null = null,
): Promise<string[]> {
  const rows = await runner.query<{ id: string }>({
    text: `with ended as (
             update cloister.user_sessions set revoked_at = now(), revoked_reason = $3
             where tenant_id = $1 and user_id = $2 and id is distinct from $4 and revoked_at is null
             returning id
           ), withdrawn as (
             delete from cloister.sign_in_proofs
             where tenant_id = $1 and user_id = $2 and family_hash not in (
               select refresh_family_hash from cloister.user_sessions
               where tenant_id = $1 and user_id = $2 and id = $4)
           ), unlinked as (
             delete from cloister.user_tokens
             where tenant_id = $1 and user_id = $2 and purpose = 'password_reset'
           )
           select id from ended`,
    older: {
      than: CREDENTIALS_MIGRATION,
      text: `update cloister.user_sessions set revoked_at = now(), revoked_reason = $3
             where tenant_id = $1 and user_id = $2 and id is distinct from $4 and revoked_at is null
             returning id`,
    },
    values: [runner.localTenantId, userId, reason, keptSessionId],
  });
  return rows.map(({ id }) => id);
}
