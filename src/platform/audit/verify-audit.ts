/**
 * Whether the audit log is as it was written. Walks the chain from its beginning and computes every
 * hash anew, in SQL of its own: a function in the database could have been replaced with the log.
 *
 * What shows: an entry that was edited, removed or moved; one that was put in past the trigger; the
 * end cut off, as long as the head or a checkpoint remembers more; a chain that was computed anew, by
 * the checkpoints signed before. What cannot show: the loss of entries newer than everything that
 * remembers them; a place noted elsewhere (`expected`) closes that gap.
 */
import type { Knex } from 'knex';
import { AUDIT_FAULTS, type AuditFault, type AuditFaultKind } from './audit-fault';
import type { AuditSeal, ChainPlace } from './audit-seal';

export interface AuditVerdict {
  readonly intact: boolean;
  /** How many entries were found in order, and the hash at the last of them: worth noting elsewhere. */
  readonly position: number;
  readonly hash: string;
  /** The first thing that is wrong. */
  readonly fault: AuditFault | null;
  /** The last place that a signature vouches for; null when none was ever signed, or all are gone. */
  readonly checkpointPosition: number | null;
  readonly checkpointAt: Date | null;
}

export interface VerifyAuditOptions {
  /** A place noted outside the database, that must still be there. */
  readonly expected?: ChainPlace;
  /** Entries looked at by one statement. */
  readonly pageSize?: number;
}

const PAGE_SIZE = 2000;
const GENESIS: ChainPlace = { position: 0, hash: Buffer.alloc(32) };

/** The same as `registry.audit_digest` (0006_operators). */
const DIGEST = `sha256(previous_hash || convert_to(jsonb_build_array(
  l.id, to_char(l.at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS.MS'), l.actor, l.database_role,
  l.table_name, l.operation, l.row_id, l.before, l.after)::text, 'UTF8'))`;

const CHAIN_PAGE = `
  with page as (
    select position, entry_id, hash,
      lag(hash, 1, cast(:hash as bytea)) over (order by position) as previous_hash,
      lag(position, 1, cast(:position as bigint)) over (order by position) as previous_position
    from registry.audit_chain
    where position > :position and position <= :end
    order by position limit :limit
  )
  select page.position::float8 as position, page.entry_id::text as "entryId", page.hash, case
      when page.position <> page.previous_position + 1 then 'PLACE_MISSING'
      when l.id is null then 'ENTRY_MISSING'
      when page.hash <> ${DIGEST} then 'ENTRY_CHANGED'
    end as fault
  from page left join registry.audit_log l on l.id = page.entry_id
  order by page.position`;

const UNCHAINED_PAGE = `
  with page as (select id from registry.audit_log where id > :after order by id limit :limit)
  select max(page.id)::text as last, min(page.id) filter (where c.entry_id is null)::text as unchained
  from page left join registry.audit_chain c on c.entry_id = page.id`;

interface ChainRow extends ChainPlace {
  readonly entryId: string;
  readonly fault: AuditFaultKind | null;
}

interface Checkpoint extends ChainPlace {
  readonly signature: Buffer;
  readonly signedAt: Date;
}

/** @throws what the registry's driver throws when it cannot be asked. */
export async function verifyAudit(
  registryDb: Knex,
  seal: AuditSeal,
  options: VerifyAuditOptions = {},
): Promise<AuditVerdict> {
  const { expected, pageSize = PAGE_SIZE } = options;
  // The head first: what is written while we walk is no concern of this verification.
  const { head, places } = await findEnds(registryDb);
  const checkpoints = await listCheckpoints(registryDb);
  const trusted = checkpoints.filter((checkpoint) => seal.holds(checkpoint, checkpoint.signature));
  const forged = checkpoints.find((checkpoint) => !trusted.includes(checkpoint));
  const vouched = [...trusted, ...(expected === undefined ? [] : [expected])];
  const end = Math.max(head.position, places, ...vouched.map(({ position }) => position));
  const walk = await walkChain(registryDb, { end, pageSize, vouched });
  const fault =
    walk.fault ??
    cutOff(walk.last, head, end) ??
    (await findUnchained(registryDb, pageSize)) ??
    (forged === undefined ? null : faultAt('CHECKPOINT_FORGED', forged.position, null));
  const checkpoint = trusted.at(-1);
  return {
    intact: fault === null,
    position: walk.last.position,
    hash: walk.last.hash.toString('hex'),
    fault,
    checkpointPosition: checkpoint?.position ?? null,
    checkpointAt: checkpoint?.signedAt ?? null,
  };
}

interface Walk {
  readonly end: number;
  readonly pageSize: number;
  /** Places that something outside the chain vouches for. */
  readonly vouched: readonly ChainPlace[];
}

async function walkChain(
  registryDb: Knex,
  { end, pageSize, vouched }: Walk,
): Promise<{ readonly last: ChainPlace; readonly fault: AuditFault | null }> {
  const known = new Map(vouched.map(({ position, hash }) => [position, hash]));
  let last = GENESIS;
  for (;;) {
    const bindings = { ...last, end, limit: pageSize };
    const { rows } = await registryDb.raw<{ rows: ChainRow[] }>(CHAIN_PAGE, bindings);
    for (const { position, hash, entryId, fault } of rows) {
      if (fault !== null) {
        // Of a missing place the one before is known, and no entry.
        return fault === 'PLACE_MISSING'
          ? { last, fault: faultAt(fault, last.position + 1, null) }
          : { last, fault: faultAt(fault, position, entryId) };
      }
      if (known.get(position)?.equals(hash) === false) {
        return { last, fault: faultAt('CHAIN_REWRITTEN', position, entryId) };
      }
      last = { position, hash };
    }
    if (rows.length < pageSize) return { last, fault: null };
  }
}

/** The head knows of more than there is, or of something else; or a checkpoint does. */
function cutOff(last: ChainPlace, head: ChainPlace, end: number): AuditFault | null {
  if (last.position < end) return faultAt('END_CUT_OFF', last.position + 1, null);
  const same = head.position === last.position && head.hash.equals(last.hash);
  return same ? null : faultAt('HEAD_CHANGED', head.position, null);
}

async function findUnchained(registryDb: Knex, pageSize: number): Promise<AuditFault | null> {
  let after = '0';
  for (;;) {
    const { rows } = await registryDb.raw<{
      rows: { last: string | null; unchained: string | null }[];
    }>(UNCHAINED_PAGE, { after, limit: pageSize });
    const [page] = rows;
    if (page === undefined || page.last === null) return null;
    if (page.unchained !== null) return faultAt('ENTRY_UNCHAINED', null, page.unchained);
    after = page.last;
  }
}

/** By one statement, since the two move together. A head that was taken away counts as the beginning. */
async function findEnds(
  registryDb: Knex,
): Promise<{ readonly head: ChainPlace; readonly places: number }> {
  const { rows } = await registryDb.raw<{
    rows: { position: number | null; hash: Buffer | null; places: number }[];
  }>(`
    select head.position::float8 as position, head.hash, chain.places
    from (select coalesce(max(position), 0)::float8 as places from registry.audit_chain) chain
    left join registry.audit_head head on true`);
  const { position = null, hash = null, places = 0 } = rows[0] ?? {};
  return { head: position === null || hash === null ? GENESIS : { position, hash }, places };
}

async function listCheckpoints(registryDb: Knex): Promise<Checkpoint[]> {
  const { rows } = await registryDb.raw<{ rows: Checkpoint[] }>(
    `select position::float8 as position, hash, signature, signed_at as "signedAt"
     from registry.audit_checkpoints order by position`,
  );
  return rows;
}

/** Signs where the chain ends now, unless that is signed already. To be called once in a while. */
export async function signCheckpoint(registryDb: Knex, seal: AuditSeal): Promise<void> {
  const { head } = await findEnds(registryDb);
  if (head.position === 0) return;
  await registryDb('registry.audit_checkpoints')
    .insert({ ...head, signature: seal.sign(head) })
    .onConflict()
    .ignore();
}

const faultAt = (
  kind: AuditFaultKind,
  position: number | null,
  entryId: string | null,
): AuditFault => ({ kind, position, entryId, message: AUDIT_FAULTS[kind] });
