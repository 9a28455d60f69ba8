/** Whether both places hold the same rows: counts and hashes that do not depend on order or tenant id. */
import { quoteName, type TenantTable } from '../tenant-tables';
import { imageOf } from './copy-rows';
import type { PlaceTransaction } from './place';

export interface Difference {
  readonly table: string;
  readonly source: Sum;
  readonly target: Sum;
}

interface Sum {
  readonly rows: string;
  readonly hash: string;
}

/** Sixty bits of each row's MD5, added up: nobody forges rows here, copying loses or doubles them. */
const hashOf = (table: TenantTable): string =>
  `coalesce(sum(('x' || left(md5((${imageOf(table)})::text), 15))::bit(60)::bigint), 0)::text`;

const equal = (a: Sum, b: Sum): boolean => a.rows === b.rows && a.hash === b.hash;

/** Each table in full; the other side looks at the same time. */
export async function compareTables(
  source: PlaceTransaction,
  target: PlaceTransaction,
  tables: readonly TenantTable[],
  onTable?: (table: string, rows: number) => void,
): Promise<Difference[]> {
  const differences: Difference[] = [];
  for (const table of tables) {
    const sums = await both(source, target, (tx) => sumOf(tx, table));
    if (!equal(...sums)) differences.push(differenceOf(table, sums));
    onTable?.(table.name, Number(sums[0].rows));
  }
  return differences;
}

/**
 * For the time after everything was compared: hashes of the rows that have changed since, and the
 * counts of their tables.
 */
export async function compareRows(
  source: PlaceTransaction,
  target: PlaceTransaction,
  tables: readonly TenantTable[],
  idsByTable: ReadonlyMap<string, ReadonlySet<string>>,
): Promise<Difference[]> {
  const changed = tables.filter(({ name }) => idsByTable.has(name));
  if (changed.length === 0) return [];
  const parts = changed.map((table, index) => {
    const name = `cloister.${quoteName(table.name)}`;
    return `select $1::uuid as tenant, ${index} as place,
      (select count(*) from ${name} where tenant_id = $1)::text as rows,
      (select ${hashOf(table)} from ${name} t where tenant_id = $1 and id = any($${index + 2}::uuid[])) as hash`;
  });
  const values = changed.map(({ name }) => [...(idsByTable.get(name) ?? [])]);
  const [here, there] = await both(source, target, (tx) =>
    tx.query<Sum>({
      text: `${parts.join(' union all ')} order by place`,
      values: [tx.localTenantId, ...values],
    }),
  );
  return changed.flatMap((table, index) => {
    const sums = [here[index] ?? NOTHING, there[index] ?? NOTHING] as const;
    return equal(...sums) ? [] : [differenceOf(table, sums)];
  });
}

const NOTHING: Sum = { rows: '0', hash: '' };

const differenceOf = (
  { name }: TenantTable,
  [source, target]: readonly [Sum, Sum],
): Difference => ({ table: name, source, target });

async function sumOf(tx: PlaceTransaction, table: TenantTable): Promise<Sum> {
  const [sum] = await tx.query<Sum>({
    text: `select count(*)::text as rows, ${hashOf(table)} as hash
           from cloister.${quoteName(table.name)} t where tenant_id = $1`,
    values: [tx.localTenantId],
  });
  return sum ?? NOTHING;
}

const both = async <T>(
  source: PlaceTransaction,
  target: PlaceTransaction,
  look: (tx: PlaceTransaction) => Promise<T>,
): Promise<readonly [T, T]> => Promise.all([look(source), look(target)]);
