/**
 * Moves a tenant from one data source to another while it works.
 *
 * prepare: the place at the target is emptied and named · copy: every row of the tenant from one
 * snapshot · follow: what the change log has had since, until little is left · verify: counts and
 * hashes of every table · switch: writes wait at a fence for the last changes, then go on at the
 * target. From then on the source is kept for a time, as the way back.
 *
 * Each phase is written to the registry before it begins, so that a mover may die in any of them:
 * `resumeMove` goes on, `rollBackMove` takes back.
 */
import { DAY, HOUR, SECOND } from '../../lib/duration';
import type { DataSourceRow, TenantRow } from '../registry.store';
import { eraseTenantRows } from '../tenant-tables';
import { MoveError } from './move-error';
import { withMover, withMoves, type Mover } from './mover';
import type { MoveRow } from './moves.store';
import {
  insertMove,
  messageOf,
  recover,
  runMove,
  step,
  withPlace,
  type MoveDependencies,
  type MoveRun,
} from './run-move';

export type { MoveDependencies, MoveRun } from './run-move';
export type { MoveProgress } from './transfer';

export interface MoveOptions extends MoveRun {
  readonly targetDataSourceId: string;
  /** What the tenant is to be called there; its id in the registry unless it was there before. */
  readonly tenantIdInDataSource?: string | undefined;
  /** How long the source is kept after the switch; at most 7 days. */
  readonly keepSourceMs?: number | undefined;
}

export const KEEP_SOURCE_MS = 24 * HOUR;
export const KEEP_SOURCE_AT_MOST_MS = 7 * DAY;

/** @returns the move, switched. @throws MoveError, TENANT_UNAVAILABLE */
export function moveTenant(deps: MoveDependencies, options: MoveOptions): Promise<MoveRow> {
  return withMover(deps.registryDb, options, async (mover) => {
    if ((await mover.moves.findUnderWay(options.tenantId)) !== undefined) {
      throw new MoveError(
        'Expected no move of this tenant under way, but there is one: `--resume` it, or take it back with `--rollback`.',
      );
    }
    const move = await begin(deps, mover, options);
    return runMove(deps, mover, move, options);
  });
}

/** Goes on with what a mover has left. @returns the move, switched. */
export function resumeMove(deps: MoveDependencies, options: MoveRun): Promise<MoveRow> {
  return withMover(deps.registryDb, options, async (mover) => {
    const move = await mover.moves.findUnderWay(options.tenantId);
    if (move === undefined) throw new MoveError('There is no move of this tenant to resume.');
    return runMove(deps, mover, await recover(deps, mover, move), options);
  });
}

/**
 * Before the switch: what was copied is removed, the tenant stays where it is. After it: the tenant
 * moves back to the source, which is brought up to date from the target's change log.
 * @returns the move that was taken back, or the move back.
 */
export function rollBackMove(deps: MoveDependencies, options: MoveRun): Promise<MoveRow> {
  return withMover(deps.registryDb, options, async (mover) => {
    const underWay = await mover.moves.findUnderWay(options.tenantId);
    if (underWay !== undefined) {
      const move = await recover(deps, mover, underWay);
      await withPlace(deps, move.targetId, move.targetTenantId, (target) =>
        eraseTenantRows({ transaction: target.write }),
      );
      return step(mover, move, 'rolled_back', { finishedAt: new Date() });
    }
    const [last] = await mover.moves.listKept(options.tenantId);
    const tenant = await deps.registry.findTenant(options.tenantId);
    if (last === undefined || last.switchSnapshot === null || !isAt(tenant, last)) {
      throw new MoveError(
        'Expected a move that is under way, or one whose source is still kept, but there is none: move the tenant with `--to`.',
      );
    }
    const back = await mover.change(async (moves) => {
      await moves.update(last.id, { phase: 'rolled_back', finishedAt: new Date() });
      return insertMove(moves, {
        tenantId: last.tenantId,
        sourceId: last.targetId,
        targetId: last.sourceId,
        sourceTenantId: last.targetTenantId,
        targetTenantId: last.sourceTenantId,
        keepSeconds: last.keepSeconds,
        phase: 'follow',
        copiedSnapshot: last.switchSnapshot,
      });
    });
    return runMove(deps, mover, back, options);
  });
}

/** Removes the tenant's rows from the sources that were kept. @returns the moves that this ends. */
export function finishMoves(deps: MoveDependencies, options: MoveRun): Promise<MoveRow[]> {
  return withMover(deps.registryDb, options, async (mover) => {
    const kept = await mover.moves.listKept(options.tenantId);
    const finished: MoveRow[] = [];
    for (const move of kept) finished.push(await finish(deps, mover, move));
    return finished;
  });
}

/** The moves of a tenant, newest first. */
export async function listMoves(deps: MoveDependencies, tenantId: string): Promise<MoveRow[]> {
  return withMoves(deps.registryDb, (moves) => moves.listOfTenant(tenantId));
}

/**
 * One round of what moves leave behind: a tenant whose mover died in the moment of the switch takes
 * writes again, and sources that were kept for their time are emptied. For a schedule, every few
 * seconds. @returns what was done, by tenant.
 */
export async function sweepMoves(
  deps: MoveDependencies,
  actor = 'job:moves',
): Promise<{ tenantId: string; done: 'released' | 'finished' }[]> {
  const due = await withMoves(deps.registryDb, (moves) => moves.listDue());
  const done: { tenantId: string; done: 'released' | 'finished' }[] = [];
  for (const { id, tenantId } of due) {
    try {
      await withMover(deps.registryDb, { tenantId, actor }, async (mover) => {
        const move = (await mover.moves.listOfTenant(tenantId)).find((found) => found.id === id);
        if (move?.phase === 'switch') {
          await recover(deps, mover, move);
          done.push({ tenantId, done: 'released' });
        } else if (move?.phase === 'switched') {
          await finish(deps, mover, move);
          done.push({ tenantId, done: 'finished' });
        }
      });
    } catch (error) {
      // Somebody is at it. Anything else is for the next round and for whoever looks at the move.
      if (!(error instanceof MoveError)) {
        await withMoves(deps.registryDb, (moves) =>
          moves.update(id, { failure: messageOf(error) }),
        );
      }
    }
  }
  return done;
}

async function begin(deps: MoveDependencies, mover: Mover, options: MoveOptions): Promise<MoveRow> {
  const { registry } = deps;
  const { tenantId, targetDataSourceId, keepSourceMs = KEEP_SOURCE_MS } = options;
  const tenant = await registry.findTenant(tenantId);
  const target = await registry.findDataSource(targetDataSourceId);
  if (tenant?.dataSourceId === undefined || tenant.dataSourceId === null) {
    throw new MoveError('Expected a tenant with a data source.');
  }
  if (target === undefined) throw new MoveError('There is no such data source to move to.');
  const earlier = (await mover.moves.listKept(tenantId)).find(
    ({ sourceId }) => sourceId === target.id,
  );
  const targetTenantId = options.tenantIdInDataSource ?? earlier?.sourceTenantId ?? tenant.id;
  await refuseDistributed(deps, tenant.dataSourceId, tenant.tenantIdInDataSource);
  await refuseUnfit(registry, tenant, target, targetTenantId, keepSourceMs);
  await refuseDistributed(deps, target.id, targetTenantId);
  return mover.change(async (moves) => {
    // What was kept there is overwritten now, so it is no way back any more.
    if (earlier !== undefined) {
      await moves.update(earlier.id, { phase: 'finished', finishedAt: new Date() });
    }
    return insertMove(moves, {
      tenantId,
      sourceId: tenant.dataSourceId ?? '',
      targetId: target.id,
      sourceTenantId: tenant.tenantIdInDataSource,
      targetTenantId,
      keepSeconds: Math.round(keepSourceMs / SECOND),
    });
  });
}

async function refuseUnfit(
  registry: MoveDependencies['registry'],
  tenant: TenantRow,
  target: DataSourceRow,
  targetTenantId: string,
  keepSourceMs: number,
): Promise<void> {
  if (target.id === tenant.dataSourceId) {
    throw new MoveError(
      `Expected another data source, but the tenant is in ${target.name} already.`,
    );
  }
  if (target.status !== 'active') {
    throw new MoveError(
      `Expected a data source that takes tenants, but ${target.name} is ${target.status}.`,
    );
  }
  if (keepSourceMs < 0 || keepSourceMs > KEEP_SOURCE_AT_MOST_MS) {
    throw new MoveError('Expected to keep the source for at most 7 days.');
  }
  const resident = await registry.findTenantIn(target.id, {
    except: tenant.id,
    ...(target.placement === 'shared' ? { tenantIdInDataSource: targetTenantId } : {}),
  });
  if (resident !== undefined) {
    throw new MoveError(
      `Expected room in ${target.name}, but the tenant "${resident.slug}" has it.`,
    );
  }
}

/**
 * Changes cannot be followed where each server counts its transactions for itself, nor can references
 * be checked at a transaction's end there (docs/decisions/0010-distributed-sessions.md).
 */
async function refuseDistributed(
  deps: MoveDependencies,
  dataSourceId: string,
  localTenantId: string,
): Promise<void> {
  await withPlace(deps, dataSourceId, localTenantId, ({ name, distributed }) => {
    if (!distributed) return Promise.resolve();
    throw new MoveError(
      `Expected a data source on one server, but the tables of ${name} are distributed over several, ` +
        'where changes cannot be followed: suspend the tenant, then `cloister tenants export` it and `cloister tenants import` it elsewhere.',
    );
  });
}

async function finish(deps: MoveDependencies, mover: Mover, move: MoveRow): Promise<MoveRow> {
  const tenant = await deps.registry.findTenant(move.tenantId);
  if (tenant?.dataSourceId === move.sourceId) {
    throw new MoveError('Expected the tenant away from the source that was kept, but it is there.');
  }
  await withPlace(deps, move.sourceId, move.sourceTenantId, (source) =>
    // The marker stays: a process that has not heard of the registry for long must not write there.
    eraseTenantRows({ transaction: source.write, keepMarker: true }),
  );
  return step(mover, move, 'finished', { finishedAt: new Date() });
}

const isAt = (tenant: TenantRow | undefined, { targetId, targetTenantId }: MoveRow): boolean =>
  tenant?.dataSourceId === targetId && tenant.tenantIdInDataSource === targetTenantId;
