/**
 * One move from the phase that it is in to the switch; what is common to moving, resuming and moving
 * back.
 */
import { uuidv7 } from 'uuidv7';
import type { TenantRow } from '../registry.store';
import type { Tenancy } from '../tenancy';
import { MoveError } from './move-error';
import type { Mover } from './mover';
import type { MoveChange, MovePhase, MoveRow, NewMove } from './moves.store';
import { openPlace, type Place } from './place';
import { switchOver } from './switch-over';
import { copy, follow, prepare, verify, type MoveProgress, type Transfer } from './transfer';

export type MoveDependencies = Pick<Tenancy, 'registry' | 'registryDb' | 'directory'>;

export interface MoveRun {
  readonly tenantId: string;
  /** As whom the audit log names it. */
  readonly actor: string;
  readonly onProgress?: ((progress: MoveProgress) => void) | undefined;
  /** Ends the work between two steps; the move can be resumed. */
  readonly signal?: AbortSignal | undefined;
}

/** From whichever phase the move is in to the switch. What fails is written down and thrown. */
export async function runMove(
  deps: MoveDependencies,
  mover: Mover,
  begun: MoveRow,
  { onProgress = () => undefined, signal }: MoveRun,
): Promise<MoveRow> {
  let move = begun;
  try {
    return await withPlace(deps, move.sourceId, move.sourceTenantId, (source) =>
      withPlace(deps, move.targetId, move.targetTenantId, async (target) => {
        const tally = { changes: move.changesApplied };
        const transfer: Transfer = { mover, source, target, tally, onProgress, signal };
        const to = async (phase: MovePhase, change: MoveChange = {}): Promise<void> => {
          signal?.throwIfAborted();
          move = await step(mover, move, phase, { failure: null, ...change });
          const { rowsCopied: rows, rowsTotal: totalRows, changesApplied: changes } = move;
          onProgress({ phase, rows, totalRows, changes });
        };
        if (move.copiedSnapshot === null) {
          await to('prepare');
          await refuseForeignPlace(target, move);
          await prepare(transfer);
          await to('copy');
          const copied = await copy(transfer, move);
          await to('follow', { copiedSnapshot: copied });
        }
        const caughtUp = await follow(transfer, move, move.copiedSnapshot ?? '');
        await to('verify', { copiedSnapshot: caughtUp });
        const verified = await verify(transfer, move, caughtUp);
        await to('switch', { copiedSnapshot: verified });
        const { pauseMs } = await switchOver(transfer, move, verified, async (change) => {
          await mover.change(async (moves) => {
            if (!(await moves.switchTenant(move))) {
              throw new MoveError('Expected the tenant where its move began, but it is elsewhere.');
            }
            await moves.update(move.id, { phase: 'switched', failure: null, ...change });
          });
        });
        await mover.moves.update(move.id, {
          pauseMs: Math.round(pauseMs),
          changesApplied: tally.changes,
        });
        const [switched] = await mover.moves.listOfTenant(move.tenantId);
        const {
          rowsCopied: rows,
          rowsTotal: totalRows,
          changesApplied: changes,
        } = switched ?? move;
        onProgress({ phase: 'switched', rows, totalRows, changes });
        return switched ?? move;
      }),
    );
  } catch (error) {
    // The registry may be what failed; then the move is found as it stands by who takes it up.
    try {
      await recover(deps, mover, await current(mover, move));
      await mover.moves.update(move.id, { failure: messageOf(error) });
    } catch {
      throw error;
    }
    throw error;
  }
}

/** The marker of a place that another tenant's registry row knows nothing of, and we did not set. */
async function refuseForeignPlace(target: Place, move: MoveRow): Promise<void> {
  const [row] = await target.read((tx) =>
    tx.query<{ moved: boolean }>({
      text: 'select moved_at is not null as moved from cloister.tenants where tenant_id = $1',
      values: [tx.localTenantId],
    }),
  );
  if (row === undefined || row.moved) return;
  throw new MoveError(
    `Expected nobody under the id ${move.targetTenantId} in ${target.name}, but there is a tenant that ` +
      'the registry does not know of: remove it there, or choose another id.',
  );
}

/**
 * A mover that died while it switched may have left both places refusing writes. The registry says
 * where the tenant is; since we hold the lock, nobody can change that now.
 */
export async function recover(
  deps: MoveDependencies,
  mover: Mover,
  move: MoveRow,
): Promise<MoveRow> {
  if (move.phase !== 'switch') return move;
  await withPlace(deps, move.targetId, move.targetTenantId, (target) => target.markMoved(true));
  await withPlace(deps, move.sourceId, move.sourceTenantId, (source) => source.markMoved(false));
  return step(mover, move, 'follow', {});
}

export async function step(
  mover: Mover,
  move: MoveRow,
  phase: MovePhase,
  change: MoveChange,
): Promise<MoveRow> {
  await mover.change((moves) => moves.update(move.id, { phase, ...change }));
  return current(mover, move);
}

async function current(mover: Mover, move: MoveRow): Promise<MoveRow> {
  const rows = await mover.moves.listOfTenant(move.tenantId);
  return rows.find(({ id }) => id === move.id) ?? move;
}

export const messageOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);

export async function withPlace<T>(
  { directory }: MoveDependencies,
  dataSourceId: string,
  localTenantId: string,
  work: (place: Place) => Promise<T>,
): Promise<T> {
  // Not what is cached: credentials may have been changed for the very purpose of this move.
  directory.invalidate('data_sources', dataSourceId);
  const dataSource = await directory.getDataSource({ dataSourceId } as TenantRow);
  const place = await openPlace(dataSource, localTenantId);
  try {
    return await work(place);
  } finally {
    // What failed has been told; a connection that is broken already cannot be closed again.
    await place.close().catch(() => undefined);
  }
}

export async function insertMove(
  moves: Mover['moves'],
  move: Omit<NewMove, 'id'>,
): Promise<MoveRow> {
  const id = uuidv7();
  await moves.insert({ id, ...move });
  const inserted = await moves.findUnderWay(move.tenantId);
  if (inserted === undefined) throw new Error('The move was written but is not found.');
  return inserted;
}
