/**
 * The tables of a tenant as the database has them, in the order of their references: a row's
 * parents stand in an earlier table, or in its own. Moves, exports and erasure go by this list, so
 * that a table which a migration adds is theirs without another word.
 *
 * References may be checked at a transaction's end (`set constraints all deferred`), which is how
 * rows that refer to others of their own table, or to each other in a circle, are written.
 */
import type { SqlRunner } from '../database/statement';

export interface TenantTable {
  readonly name: string;
  readonly columns: readonly TenantColumn[];
  /** Without tenant_id, with which every key begins. */
  readonly key: readonly string[];
  /** Other tables that it refers to. */
  readonly parents: readonly string[];
  /** References to its own rows, by the constraint's name. */
  readonly selfReferences: readonly string[];
  /** Whether its changes stand in the change log, by the column `id`. */
  readonly logged: boolean;
}

export interface TenantColumn {
  readonly name: string;
  /** As Postgres writes it: `text`, `timestamp(3) with time zone`, `numeric(20,4)`. */
  readonly type: string;
  /** Computed by the database: read, never written. */
  readonly generated: boolean;
}

type Reader = Pick<SqlRunner, 'query'>;

/** The register of tenants and the log itself are no table of the list; see `eraseTenantRows`. */
const APART = ['tenants', 'change_log'];

const TABLES = `
  select c.relname as name,
    (select json_agg(json_build_object('name', a.attname, 'type', format_type(a.atttypid, a.atttypmod),
                                       'generated', a.attgenerated <> '') order by a.attnum)
       from pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped) as columns,
    (select coalesce(json_agg(a.attname order by k.place), '[]')
       from pg_index i
       cross join lateral unnest(i.indkey::int2[]) with ordinality k (attnum, place)
       join pg_attribute a on a.attrelid = c.oid and a.attnum = k.attnum
       where i.indrelid = c.oid and i.indisprimary and a.attname <> 'tenant_id') as key,
    (select coalesce(json_agg(distinct p.relname), '[]')
       from pg_constraint f join pg_class p on p.oid = f.confrelid
       where f.conrelid = c.oid and f.contype = 'f' and f.confrelid <> c.oid
         and p.relname <> all($1)) as parents,
    (select coalesce(json_agg(f.conname order by f.conname), '[]')
       from pg_constraint f
       where f.conrelid = c.oid and f.contype = 'f' and f.confrelid = c.oid) as "selfReferences",
    exists (select from pg_trigger t where t.tgrelid = c.oid and t.tgname = 'change_log_update') as logged
  from pg_class c
  where c.relnamespace = 'cloister'::regnamespace and c.relkind in ('r', 'p') and c.relname <> all($1)
    and not c.relispartition
    and exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant_id')
  order by c.relname`;

/** Needs no tenant stated: it reads the catalogue alone. */
export async function listTenantTables(runner: Reader): Promise<TenantTable[]> {
  return inOrderOfReferences(await runner.query<TenantTable>({ text: TABLES, values: [APART] }));
}

/** Parents first; where tables refer to each other in a circle, by name. */
export function inOrderOfReferences<T extends Pick<TenantTable, 'name' | 'parents'>>(
  tables: readonly T[],
): T[] {
  const waiting = new Map(tables.map((table) => [table.name, table]));
  const ordered: T[] = [];
  while (waiting.size > 0) {
    const rest = [...waiting.values()];
    const free = rest.filter(({ parents }) => !parents.some((parent) => waiting.has(parent)));
    for (const table of free.length > 0 ? free : rest.slice(0, 1)) {
      ordered.push(table);
      waiting.delete(table.name);
    }
  }
  return ordered;
}

/** The columns that are written, tenant_id apart. */
export const writtenColumns = ({ columns }: Pick<TenantTable, 'columns'>): string[] =>
  columns
    .filter(({ name, generated }) => !generated && name !== 'tenant_id')
    .map(({ name }) => name);

/** `"a", "b"`: names come from the catalogue, and are quoted all the same. */
export const quoted = (names: readonly string[]): string => names.map(quoteName).join(', ');
export const quoteName = (name: string): string => `"${name.replaceAll('"', '""')}"`;

export interface EraseOptions {
  /** Each call is one transaction that has stated the tenant. */
  readonly transaction: <T>(work: (tx: SqlRunner) => Promise<T>) => Promise<T>;
  /** Whether the register still names the tenant afterwards, as one that has moved. */
  readonly keepMarker?: boolean;
  readonly onTable?: (table: string, rows: number) => void;
}

/**
 * Removes every row of the tenant, children before parents, the change log and the register last.
 * A table is a transaction of its own: the checks of references then pass by rows that are gone for
 * good, instead of looking at each of them again. Repeatable; what was removed stays removed.
 */
export async function eraseTenantRows({
  transaction,
  keepMarker = false,
  onTable,
}: EraseOptions): Promise<void> {
  const tables = await transaction((tx) => listTenantTables(tx));
  const names = [...tables.map(({ name }) => name).reverse(), 'change_log'];
  if (!keepMarker) names.push('tenants');
  for (const name of names) {
    const rows = await transaction(async (tx) => {
      await silenceChangeLog(tx);
      const [answer] = await tx.query<{ count: number }>({
        text: `with gone as (delete from cloister.${quoteName(name)} where tenant_id = $1 returning 1)
               select count(*)::int as count from gone`,
        values: [tx.localTenantId],
      });
      return answer?.count ?? 0;
    });
    onTable?.(name, rows);
  }
}

/**
 * For the rest of the transaction nothing is written to the change log, and rows may be taken out of
 * it; references are checked at the end. For whoever brings rows with their log, or removes both.
 */
export async function silenceChangeLog(tx: Pick<SqlRunner, 'query'>): Promise<void> {
  await tx.query({ text: "set local app.change_log = 'off'", values: [] });
  await tx.query({ text: 'set constraints all deferred', values: [] });
}
