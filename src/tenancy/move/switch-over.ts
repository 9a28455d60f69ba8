/**
 * The end of a move: a fence, behind which the last changes are brought over, and the switch. Never
 * do both places take writes, and none is lost: the source refuses before the registry leads to the
 * target, and before that it takes them all.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { SECOND } from '../../lib/duration';
import type { TenantTable } from '../tenant-tables';
import { compareRows, compareTables } from './compare-places';
import { currentSnapshot, replaceTable, type ChangedIds } from './follow-changes';
import { MoveError } from './move-error';
import type { MoveChange, MoveRow } from './moves.store';
import type { Fence, PlaceTransaction } from './place';
import { byLog, follow, pass, refuseDifferences, tablesOf, type Transfer } from './transfer';

/** A write that is under way is waited for this long; who wants to write meanwhile waits, too. */
const FENCE_WAIT_MS = 50;
const FENCE_TRIES = 200;
const BETWEEN_FENCES_MS = 100;
/** Longer than this the fence does not stay; what was brought over by then is less next time. */
const PAUSE_AT_MOST_MS = 2 * SECOND;

export interface Switched {
  readonly change: MoveChange;
  readonly pauseMs: number;
}

/**
 * The fence and what happens behind it. `commit` makes the target the tenant's place in the registry;
 * until it has, the source is, and after a failure it goes on as before.
 */
export async function switchOver(
  transfer: Transfer,
  move: MoveRow,
  since: string,
  commit: (change: MoveChange) => Promise<void>,
): Promise<Switched> {
  const { source, target, signal } = transfer;
  const tables = await tablesOf(source, target);
  const [logged, replaced] = byLog(tables);
  const epoch = await source.read(epochOf);
  let snapshot = since;
  /** What was brought over since everything was compared. */
  const uncompared = new Map<string, Set<string>>();
  const note = (changed: ChangedIds): void => {
    for (const [name, ids] of changed) {
      const known = uncompared.get(name) ?? new Set();
      for (const id of ids) known.add(id);
      uncompared.set(name, known);
    }
  };
  for (let attempt = 0; attempt < FENCE_TRIES; attempt += 1) {
    signal?.throwIfAborted();
    // What has come up since is brought over before anybody has to wait for it.
    snapshot = await follow(transfer, move, snapshot, { phase: 'switch', onChanged: note });
    const fence = await source.openFence(FENCE_WAIT_MS);
    if (fence === undefined) {
      await delay(BETWEEN_FENCES_MS);
      continue;
    }
    try {
      let switchSnapshot = '';
      const last = await pass(transfer, logged, snapshot, async (from, to, changed) => {
        note(changed);
        for (const table of replaced) await replaceIfDifferent(from, to, table);
        refuseDifferences(await compareRows(from, to, tables, uncompared));
        switchSnapshot = await takeIn(to, epoch + 1);
      });
      snapshot = last.snapshot;
      if (performance.now() - fence.startedAt > PAUSE_AT_MOST_MS) continue;
      return await cross(transfer, commit, fence, switchSnapshot);
    } finally {
      await fence.release();
    }
  }
  throw new MoveError(
    'Expected a moment without a write under way, but long ones follow each other: resume the move later.',
  );
}

/** Writes may come from now on. @returns what the target's server has seen: all later is news. */
async function takeIn(to: PlaceTransaction, epoch: number): Promise<string> {
  await to.query({
    text: 'update cloister.tenants set moved_at = null, change_epoch = $2 where tenant_id = $1',
    values: [to.localTenantId, epoch],
  });
  return currentSnapshot(to);
}

async function cross(
  { source }: Transfer,
  commit: (change: MoveChange) => Promise<void>,
  fence: Fence,
  switchSnapshot: string,
): Promise<Switched> {
  const pauseMs = (): number => Math.round(performance.now() - fence.startedAt);
  try {
    // First the source refuses, then the registry says where to: never may both take writes.
    await source.markMoved(true);
    // And nobody wrote between the last pass and that: the fence has stood the whole time.
    await fence.assertHeld().catch(async (error: unknown) => {
      await source.markMoved(false);
      throw error;
    });
    const change = { switchSnapshot, pauseMs: pauseMs(), switchedAt: new Date() };
    await commit(change);
    await fence.release();
    return { change, pauseMs: pauseMs() };
  } catch (error) {
    // Whether the registry took it is for whoever takes the move up to find out; see `recover`.
    throw new MoveError(
      'The switch was interrupted: `--resume` finds out on which side, and goes on from there.',
      { cause: error },
    );
  }
}

const epochOf = async (tx: PlaceTransaction): Promise<number> => {
  const [row] = await tx.query<{ epoch: number }>({
    text: 'select change_epoch as epoch from cloister.tenants where tenant_id = $1',
    values: [tx.localTenantId],
  });
  return row?.epoch ?? 0;
};

async function replaceIfDifferent(
  from: PlaceTransaction,
  to: PlaceTransaction,
  table: TenantTable,
): Promise<void> {
  if ((await compareTables(from, to, [table])).length > 0) await replaceTable(from, to, table);
}
