/** The registry's record of moves. Holds SQL and mapping, no decisions. */
import type { ClientBase } from 'pg';

export const PHASES_UNDER_WAY = ['prepare', 'copy', 'follow', 'verify', 'switch'] as const;
export type MovePhase = (typeof PHASES_UNDER_WAY)[number] | 'switched' | 'finished' | 'rolled_back';

export interface MoveRow {
  readonly id: string;
  readonly tenantId: string;
  readonly sourceId: string;
  readonly targetId: string;
  readonly sourceTenantId: string;
  readonly targetTenantId: string;
  readonly phase: MovePhase;
  readonly copiedSnapshot: string | null;
  readonly switchSnapshot: string | null;
  readonly rowsTotal: number;
  readonly rowsCopied: number;
  readonly changesApplied: number;
  readonly pauseMs: number | null;
  readonly failure: string | null;
  readonly keepSeconds: number;
  readonly startedAt: Date;
  readonly updatedAt: Date;
  readonly switchedAt: Date | null;
  readonly finishedAt: Date | null;
}

const COLUMNS = {
  id: 'id',
  tenantId: 'tenant_id',
  sourceId: 'source_id',
  targetId: 'target_id',
  sourceTenantId: 'source_tenant_id',
  targetTenantId: 'target_tenant_id',
  phase: 'phase',
  copiedSnapshot: 'copied_snapshot',
  switchSnapshot: 'switch_snapshot',
  rowsTotal: 'rows_total',
  rowsCopied: 'rows_copied',
  changesApplied: 'changes_applied',
  pauseMs: 'pause_ms',
  failure: 'failure',
  keepSeconds: 'keep_seconds',
  startedAt: 'started_at',
  updatedAt: 'updated_at',
  switchedAt: 'switched_at',
  finishedAt: 'finished_at',
} as const satisfies Record<keyof MoveRow, string>;

const BIGINTS = ['rowsTotal', 'rowsCopied', 'changesApplied'] as const;

const SELECT = `select ${Object.entries(COLUMNS)
  .map(([field, column]) =>
    (BIGINTS as readonly string[]).includes(field)
      ? `${column}::float8 as "${field}"`
      : `${column} as "${field}"`,
  )
  .join(', ')} from registry.moves`;

export type NewMove = Pick<
  MoveRow,
  'id' | 'tenantId' | 'sourceId' | 'targetId' | 'sourceTenantId' | 'targetTenantId' | 'keepSeconds'
> &
  Partial<Pick<MoveRow, 'phase' | 'copiedSnapshot'>>;

export type MoveChange = Partial<
  Pick<
    MoveRow,
    | 'phase'
    | 'copiedSnapshot'
    | 'switchSnapshot'
    | 'rowsTotal'
    | 'rowsCopied'
    | 'changesApplied'
    | 'pauseMs'
    | 'failure'
    | 'switchedAt'
    | 'finishedAt'
  >
>;

/** @param client of the registry; statements run in the transaction that it has open, if any. */
export function createMoveStore(client: Pick<ClientBase, 'query'>) {
  const find = async (condition: string, values: readonly unknown[]): Promise<MoveRow[]> => {
    const { rows } = await client.query<MoveRow>(`${SELECT} where ${condition}`, [...values]);
    return rows;
  };
  return {
    findUnderWay: async (tenantId: string): Promise<MoveRow | undefined> =>
      (await find('tenant_id = $1 and phase = any($2)', [tenantId, PHASES_UNDER_WAY]))[0],
    /** Newest first. */
    listOfTenant: (tenantId: string): Promise<MoveRow[]> =>
      find('tenant_id = $1 order by started_at desc, id desc', [tenantId]),
    /** Moves whose source still holds the tenant's rows. */
    listKept: (tenantId: string): Promise<MoveRow[]> =>
      find("tenant_id = $1 and phase = 'switched' order by switched_at desc", [tenantId]),
    /** Stuck in the moment of the switch, or kept for as long as was promised. */
    listDue: (): Promise<MoveRow[]> =>
      find(
        "phase = 'switch' or (phase = 'switched' and switched_at + keep_seconds * interval '1 second' < now()) order by id",
        [],
      ),
    insert: async (move: NewMove): Promise<void> => {
      const entries = Object.entries(move) as [keyof MoveRow, unknown][];
      await client.query(
        `insert into registry.moves (${entries.map(([field]) => COLUMNS[field]).join(', ')})
         values (${entries.map((_, index) => `$${index + 1}`).join(', ')})`,
        entries.map(([, value]) => value),
      );
    },
    update: async (id: string, change: MoveChange): Promise<void> => {
      const entries = Object.entries(change) as [keyof MoveRow, unknown][];
      const set = entries.map(([field], index) => `${COLUMNS[field]} = $${index + 2}`);
      await client.query(
        `update registry.moves set ${[...set, 'updated_at = now()'].join(', ')} where id = $1`,
        [id, ...entries.map(([, value]) => value)],
      );
    },
    /** @returns whether the tenant was where the move began. */
    switchTenant: async (move: MoveRow): Promise<boolean> => {
      const { rowCount } = await client.query(
        `update registry.tenants set data_source_id = $4, tenant_id_in_data_source = $5, updated_at = now()
         where id = $1 and data_source_id = $2 and tenant_id_in_data_source = $3`,
        [move.tenantId, move.sourceId, move.sourceTenantId, move.targetId, move.targetTenantId],
      );
      return rowCount === 1;
    },
  };
}

export type MoveStore = ReturnType<typeof createMoveStore>;
