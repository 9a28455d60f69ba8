/** Erasures in the registry: how far one has come, and the certificate of one that is done. */
import type { Knex } from 'knex';
import { uuidv7 } from 'uuidv7';

/** What was erased. Holds nobody's name: it outlives them. */
export interface ErasureCertificate {
  readonly erasureId: string;
  readonly tenantId: string;
  readonly erasedBy: string;
  readonly startedAt: string;
  readonly finishedAt: string;
  /** Rows by table, wherever the tenant had some. */
  readonly rowsRemoved: Readonly<Record<string, number>>;
  readonly places: readonly ErasedPlace[];
  readonly dataKeysDestroyed: number;
  readonly registryRowsRemoved: Readonly<Record<string, number>>;
}

export interface ErasedPlace {
  readonly dataSource: string;
  readonly placement: string;
  readonly outcome: 'database dropped' | 'rows removed, none left';
  /** In how many tables none was found afterwards. */
  readonly tablesLookedAt: number;
}

export interface Erasure {
  readonly id: string;
  readonly startedAt: Date;
  readonly removed: Readonly<Record<string, number>>;
  readonly certificate: ErasureCertificate | null;
}

const COLUMNS = {
  id: 'id',
  startedAt: 'started_at',
  removed: 'removed',
  certificate: 'certificate',
} as const satisfies Record<keyof Erasure, string>;

export function createErasuresStore(db: Knex) {
  const erasures = () => db('registry.erasures');
  return {
    find: (tenantId: string): Promise<Erasure | undefined> =>
      erasures().where('tenant_id', tenantId).first<Erasure | undefined>(COLUMNS),
    begin: async (tenantId: string, askedBy: string): Promise<Erasure> => {
      await erasures()
        .insert({ id: uuidv7(), tenant_id: tenantId, asked_by: askedBy })
        .onConflict('tenant_id')
        .ignore();
      const row = await erasures().where('tenant_id', tenantId).first<Erasure | undefined>(COLUMNS);
      if (row === undefined) throw new Error('The erasure was recorded but is not found.');
      return row;
    },
    countRemoved: async (id: string, table: string, rows: number): Promise<void> => {
      await db.raw(
        `update registry.erasures
         set removed = jsonb_set(removed, array[?]::text[],
           to_jsonb(coalesce((removed ->> ?)::bigint, 0) + ?::bigint))
         where id = ?`,
        [table, table, rows, id],
      );
    },
    finish: async (id: string, certificate: ErasureCertificate): Promise<void> => {
      await erasures()
        .where('id', id)
        .update({ certificate: JSON.stringify(certificate), finished_at: certificate.finishedAt });
    },
  };
}

export type ErasuresStore = ReturnType<typeof createErasuresStore>;
