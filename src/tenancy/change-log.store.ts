/**
 * What the change log of a tenant tells: to those who follow it, and of one record. It is written by
 * triggers (migration 0004_change_log) and shortened here, by age alone.
 */
import type { SqlRunner } from '../database/statement';

export type ChangeOperation = 'insert' | 'update' | 'delete' | 'touch';

export interface Change {
  /** Where to go on reading after it; opaque, and good beyond a move of the tenant. */
  readonly position: string;
  /** Orders the changes of one record; not the order in which the log is followed. */
  readonly sequence: string;
  readonly at: Date;
  /** The table's name, which is the kind's plural in snake_case. */
  readonly table: string;
  readonly recordId: string;
  /** `touch`: nothing changed but version, time and the like. */
  readonly operation: ChangeOperation;
  /** By column; of an update those that changed, of the others those that were not null. */
  readonly before: Readonly<Record<string, unknown>> | null;
  readonly after: Readonly<Record<string, unknown>> | null;
  readonly actorId: string | null;
  readonly requestId: string | null;
}

const COLUMNS = `
  epoch || '.' || xid || '.' || seq as position, epoch || '.' || seq as sequence, at,
  table_name as "table", record_id as "recordId", operation, before, after,
  actor_id as "actorId", request_id as "requestId"`;

const POSITION = /^(\d{1,9})\.(\d{1,20})\.(\d{1,19})$/;
const BEGINNING = '0.0.0';

/**
 * The changes after a position, in the order in which they may be followed: none will ever appear
 * before one that was returned. Whatever a running transaction might still come before is held back.
 * @throws Error when the position is none that was handed out here.
 */
export async function readChanges(
  runner: SqlRunner,
  after: string | undefined,
  limit: number,
): Promise<Change[]> {
  const [, epoch, xid, seq] = POSITION.exec(after ?? BEGINNING) ?? [];
  if (epoch === undefined) {
    throw new Error('Expected a position as readChanges gave it: begin without one, or with that.');
  }
  return runner.query<Change>({
    name: 'cloister_changes',
    text: `select ${COLUMNS} from cloister.change_log
      where tenant_id = $1 and (epoch, xid, seq) > ($2::integer, $3::xid8, $4::bigint)
        and (xid < pg_snapshot_xmin(pg_current_snapshot())
          -- Before the last move; its transactions ran on another server and have all ended.
          or epoch < (select change_epoch from cloister.tenants where tenant_id = $1))
      order by epoch, xid, seq limit $5`,
    values: [runner.localTenantId, epoch, xid, seq, limit],
  });
}

export interface HistoryQuery {
  readonly table: string;
  readonly recordId: string;
  readonly limit: number;
  /** The `sequence` of the last change that was read. */
  readonly before?: string | undefined;
}

/** What was done to one record, the latest first. */
export async function readRecordHistory(
  runner: SqlRunner,
  { table, recordId, limit, before }: HistoryQuery,
): Promise<Change[]> {
  const [epoch = '', seq = ''] = (before ?? `${2 ** 31 - 1}.0`).split('.');
  return runner.query<Change>({
    name: 'cloister_record_history',
    text: `select ${COLUMNS} from cloister.change_log
      where tenant_id = $1 and table_name = $2 and record_id = $3
        and (epoch, seq) < ($4::integer, $5::bigint) and operation <> 'touch'
      order by epoch desc, seq desc limit $6`,
    values: [runner.localTenantId, table, recordId, epoch, seq, limit],
  });
}

/**
 * Removes the oldest changes that were made before a time, at most `limit` of them.
 * @param tx a transaction that writes. @returns how many were removed.
 */
export async function removeOldChanges(
  tx: SqlRunner,
  madeBefore: Date,
  limit: number,
): Promise<number> {
  await tx.query({ text: "set local app.change_log = 'prune'", values: [] });
  const [answer] = await tx.query<{ count: number }>({
    // By the primary key and not by time, for which there is no index: the log is nearly in its order.
    text: `with oldest as (
        select epoch, xid, seq from cloister.change_log where tenant_id = $1
        order by epoch, xid, seq limit $3
      ), gone as (
        delete from cloister.change_log l using oldest o
        where l.tenant_id = $1 and (l.epoch, l.xid, l.seq) = (o.epoch, o.xid, o.seq) and l.at < $2
        returning 1
      )
      select count(*)::int as count from gone`,
    values: [tx.localTenantId, madeBefore, limit],
  });
  return answer?.count ?? 0;
}
