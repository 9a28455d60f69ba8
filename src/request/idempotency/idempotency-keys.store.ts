/** The rows of `cloister.idempotency_keys`; see migration 0009_idempotency_keys. */
import type { SqlRunner } from '../../database/statement';

export interface NewClaim {
  readonly id: string;
  readonly claimId: string;
  readonly userId: string;
  readonly keyHash: Buffer;
  readonly requestHash: Buffer;
  readonly leaseMs: number;
  readonly keepMs: number;
}

/** A row that this process has claimed. */
export interface ClaimRef {
  readonly id: string;
  readonly claimId: string;
}

/** The key as it was found: ours now, or how far whoever has it has come. */
export interface KeyRow {
  readonly id: string;
  readonly isMine: boolean;
  readonly isSameRequest: boolean;
  readonly isFinished: boolean;
  readonly isLeaseOver: boolean;
  readonly commits: number;
  readonly answer: string | null;
  readonly answerBytes: number | null;
}

/**
 * Takes the key when it is free: new, expired, or of the same request whose process died before it
 * had committed anything.
 * @returns undefined when another claimed it at this very moment.
 */
export async function claimKey(tx: SqlRunner, claim: NewClaim): Promise<KeyRow | undefined> {
  const [row] = await tx.query<KeyRow>({
    name: 'cloister_claim_idempotency_key',
    // A row that is not taken is locked all the same, which waits for a transaction that counts itself.
    text: `with mine as (
        insert into cloister.idempotency_keys as k
          (tenant_id, id, user_id, key_hash, request_hash, claim_id, lease_until, expires_at)
        values ($1, $2, $3, $4, $5, $6, now() + $7 * interval '1 ms', now() + $8 * interval '1 ms')
        on conflict (tenant_id, user_id, key_hash) do update set
          request_hash = excluded.request_hash, claim_id = excluded.claim_id,
          lease_until = excluded.lease_until, expires_at = excluded.expires_at, created_at = now(),
          commits = 0, finished_at = null, answer = null, answer_bytes = null
        where k.expires_at < now()
          or (k.finished_at is null and k.commits = 0 and k.lease_until < now()
              and k.request_hash = excluded.request_hash)
        returning k.id
      )
      select id, true as "isMine", true as "isSameRequest", false as "isFinished",
        false as "isLeaseOver", 0 as commits, null as answer, null as "answerBytes" from mine
      union all
      select k.id, false, k.request_hash = $5, k.finished_at is not null, k.lease_until < now(),
        k.commits, k.answer, k.answer_bytes
      from cloister.idempotency_keys k
      where k.tenant_id = $1 and k.user_id = $3 and k.key_hash = $4
        and not exists (select from mine)`,
    values: [
      tx.localTenantId,
      claim.id,
      claim.userId,
      claim.keyHash,
      claim.requestHash,
      claim.claimId,
      claim.leaseMs,
      claim.keepMs,
    ],
  });
  return row;
}

/** In the transaction that it counts. @returns whether the claim is still ours. */
export async function countCommit(tx: SqlRunner, { id, claimId }: ClaimRef): Promise<boolean> {
  const rows = await tx.query({
    name: 'cloister_count_idempotent_commit',
    text: `update cloister.idempotency_keys set commits = commits + 1
      where tenant_id = $1 and id = $2 and claim_id = $3 and finished_at is null returning 1`,
    values: [tx.localTenantId, id, claimId],
  });
  return rows.length > 0;
}

export async function keepAnswer(
  tx: SqlRunner,
  { id, claimId }: ClaimRef,
  answer: { readonly text: string | null; readonly bytes: number | null },
): Promise<void> {
  await tx.query({
    name: 'cloister_keep_idempotent_answer',
    text: `update cloister.idempotency_keys
      set finished_at = now(), answer = $4, answer_bytes = $5
      where tenant_id = $1 and id = $2 and claim_id = $3 and finished_at is null`,
    values: [tx.localTenantId, id, claimId, answer.text, answer.bytes],
  });
}

/**
 * Only the row itself knows whether a commit whose answer was lost took place.
 * @returns false when something was committed: then the key stays.
 */
export async function freeKey(tx: SqlRunner, { id, claimId }: ClaimRef): Promise<boolean> {
  const rows = await tx.query({
    name: 'cloister_free_idempotency_key',
    text: `delete from cloister.idempotency_keys
      where tenant_id = $1 and id = $2 and claim_id = $3 and commits = 0 and finished_at is null
      returning 1`,
    values: [tx.localTenantId, id, claimId],
  });
  return rows.length > 0;
}

/** @returns how many were removed, at most `limit`. */
export async function removeExpiredKeys(tx: SqlRunner, limit: number): Promise<number> {
  const rows = await tx.query({
    text: `delete from cloister.idempotency_keys
      where tenant_id = $1 and id = any(array(
        select id from cloister.idempotency_keys
        where tenant_id = $1 and expires_at < now() order by expires_at limit $2))
      returning 1`,
    values: [tx.localTenantId, limit],
  });
  return rows.length;
}
