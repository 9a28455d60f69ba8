/** Reads records: one by its id (batched within a request), or a page of a list by keyset. */
import DataLoader from 'dataloader';
import type { Knex } from 'knex';
import type { CursorValues } from '../../../database/cursors';
import { resolveSlice, type PageArguments } from '../../../graphql/pages';
import type { PlatformContext } from '../platform-context';
import { sqlTypeOf, type PlatformRecord, type PlatformRow } from './platform-record';
import { applyFilter, type RecordFilter } from './record-filter';
import type { RecordSet } from './record-set';

export interface RecordListArguments extends PageArguments {
  readonly filter?: RecordFilter | null;
  readonly orderBy?: { readonly field: string; readonly direction: 'asc' | 'desc' } | null;
}

/** In the form that the resolvers of a connection read. */
export interface RecordPage {
  readonly rows: readonly PlatformRow[];
  readonly hasNextPage: boolean;
  readonly hasPreviousPage: boolean;
  readonly cursorOf: (row: PlatformRow) => string;
  readonly totalCount: () => Promise<number>;
}

/** Cursors are bound to what they are of; operators have no tenant to be bound to. */
const CURSOR_REALM = 'platform';
const MAX_BATCH = 500;

export type RecordReader = ReturnType<typeof createRecordReader>;

export function createRecordReader(set: RecordSet) {
  const rowsOf = (db: Knex, record: PlatformRecord): Knex.QueryBuilder => {
    const query = db({ r: record.table });
    record.only?.(query);
    return query;
  };

  const select = (db: Knex, query: Knex.QueryBuilder, record: PlatformRecord): void => {
    const { fields, references = {} } = record;
    const column = (sql: string, name: string) => db.raw(`${sql} as ??`, [name]);
    void query.select(
      db.raw('r.id::text as id'),
      ...Object.entries(fields).map(([name, { sql, type }]) =>
        column(type === 'bigInteger' ? `(${sql})::float8` : sql, name),
      ),
      ...Object.entries(references).map(([name, reference]) =>
        column(`(${reference.sql})::text`, `${name}Id`),
      ),
    );
  };

  const toRow = (record: PlatformRecord, row: object): PlatformRow =>
    ({ ...row, __typename: record.name }) as PlatformRow;

  return {
    /** @param id as the table knows it */
    byId({ loaders, registryDb }: PlatformContext, record: PlatformRecord, id: string) {
      const loader = loaders.get(
        record.name,
        () =>
          new DataLoader<string, PlatformRow | null>(
            async (ids) => {
              const query = rowsOf(registryDb, record).whereRaw(
                `r.id = any(cast(? as ${record.idType}[]))`,
                [[...ids]],
              );
              select(registryDb, query, record);
              const found = new Map(
                ((await query) as object[]).map((row) => {
                  const known = toRow(record, row);
                  return [known.id, known];
                }),
              );
              return ids.map((each) => found.get(each) ?? null);
            },
            { maxBatchSize: MAX_BATCH },
          ),
      );
      return loader.load(id);
    },

    async page(
      { registryDb, cursors }: PlatformContext,
      record: PlatformRecord,
      args: RecordListArguments,
    ): Promise<RecordPage> {
      const { size, cursor, backwards } = resolveSlice(args);
      const { field, direction } = args.orderBy ?? record.defaultOrder;
      const ordered = record.fields[field];
      if (ordered === undefined) throw new Error(`${record.name} has no field "${field}".`);
      const ordering = `${record.name} ${field} ${direction}`;
      const filtered = (): Knex.QueryBuilder => {
        const query = rowsOf(registryDb, record);
        applyFilter(query, record, args.filter ?? {}, set);
        return query;
      };

      const query = filtered();
      select(registryDb, query, record);
      const walks = (direction === 'asc') !== backwards ? 'asc' : 'desc';
      if (cursor !== undefined) {
        const values = cursors.decode(CURSOR_REALM, ordering, cursor);
        void query.whereRaw(
          `(${ordered.sql}, r.id) ${walks === 'asc' ? '>' : '<'} (cast(? as ${sqlTypeOf(ordered.type)}), cast(? as ${record.idType}))`,
          [...values],
        );
      }
      const found = (await query
        .orderByRaw(`${ordered.sql} ${walks}, r.id ${walks}`)
        .limit(size + 1)) as object[];
      const rows = found.slice(0, size).map((row) => toRow(record, row));
      if (backwards) rows.reverse();
      const more = found.length > size;
      return {
        rows,
        hasNextPage: backwards ? cursor !== undefined : more,
        hasPreviousPage: backwards ? more : cursor !== undefined,
        cursorOf: (row) => cursors.encode(CURSOR_REALM, ordering, cursorValues(row, field)),
        async totalCount() {
          const [counted] = await filtered().count<{ count: string }[]>({ count: '*' });
          return Number(counted?.count ?? 0);
        },
      };
    },
  };
}

function cursorValues(row: PlatformRow, field: string): CursorValues {
  const value = row[field];
  return [value instanceof Date ? value.toISOString() : String(value), row.id];
}
