/**
 * Writes records of a kind inside a transaction. What a user can mend is thrown as UserFaults, which
 * rolls the transaction back. Used by the API's mutations and by imports alike, so that both obey
 * the same rules.
 */
import { uuidv7 } from 'uuidv7';
import type { Sql } from 'sql-template-tag';
import { RowFault } from '../../database/postgres-errors';
import {
  conflictError,
  invalidError,
  notFoundError,
  UserFaults,
  type UserError,
} from '../../graphql/user-errors';
import { columnOf, toColumnValues } from './columns';
import type { Kind, KindRow, KindSet, RuleContext, Values } from './kind';
import { nameStatement } from './statement-names';
import { validateValues } from './validate-values';
import {
  byExternalIdsSql,
  deadReferencesSql,
  deletePartsSql,
  deleteSql,
  insertSql,
  lockSql,
  purgeSql,
  restorePartsSql,
  restoreSql,
  updateSql,
  upsertSql,
  type ColumnValues,
  type WriteScope,
} from './write-sql';

export type WriteContext = RuleContext;

/** Where in the input a record stands, for the paths of user errors. */
export type PathOf = (index: number) => readonly string[];

export interface Update {
  readonly id: string;
  readonly version: number;
  readonly values: Values;
}

export type UpsertOutcome = 'created' | 'updated' | 'unchanged';

export interface KindWriter {
  create(context: WriteContext, kind: Kind, records: readonly Values[], pathOf: PathOf): Promise<KindRow[]>;
  update(context: WriteContext, kind: Kind, updates: readonly Update[], pathOf: PathOf): Promise<KindRow[]>;
  /** Records are told apart by `externalId`; all must name the same fields. */
  upsert(
    context: WriteContext,
    kind: Kind,
    records: readonly Values[],
    pathOf: PathOf,
  ): Promise<{ rows: KindRow[]; outcomes: UpsertOutcome[] }>;
  delete(context: WriteContext, kind: Kind, ids: readonly string[], pathOf: PathOf): Promise<KindRow[]>;
  restore(context: WriteContext, kind: Kind, id: string, path: readonly string[]): Promise<KindRow>;
  purge(context: WriteContext, kind: Kind, id: string, path: readonly string[]): Promise<void>;
}

export function createKindWriter(kinds: KindSet): KindWriter {
  const scopeOf = ({ tx, actorId }: WriteContext, kind: Kind): WriteScope => ({
    kinds,
    kind,
    tenantId: tx.localTenantId,
    actorId,
  });

  const run = async <Row>(
    { tx }: WriteContext,
    kind: Kind,
    statement: Sql,
    path: readonly string[],
  ): Promise<Row[]> => {
    try {
      return await tx.query<Row>(nameStatement(statement));
    } catch (error) {
      if (error instanceof RowFault) throw new UserFaults([explainRowFault(kind, error, path)]);
      throw error;
    }
  };

  /** Values checked, columns derived: ready to be written. */
  async function prepare(
    { actorId, services }: WriteContext,
    kind: Kind,
    records: readonly Values[],
    pathOf: PathOf,
    currents?: readonly (KindRow | undefined)[],
  ): Promise<ColumnValues[]> {
    const errors: UserError[] = [];
    for (const [index, values] of records.entries()) {
      const fault = (field: string, message: string): void => {
        errors.push(invalidError([...pathOf(index), field], `${field} ${message}.`));
      };
      validateValues(kind, values, currents === undefined, fault);
      kind.rules.validate?.(values, currents?.[index], fault, actorId);
    }
    if (errors.length > 0) throw new UserFaults(errors);
    return Promise.all(
      records.map(async (values) => ({
        ...toColumnValues(kind, values),
        ...(await kind.rules.derive?.(values, services)),
      })),
    );
  }

  async function checkRules(
    context: WriteContext,
    kind: Kind,
    rows: readonly KindRow[],
    pathOf: PathOf,
    befores: readonly KindRow[] = [],
  ): Promise<void> {
    const { check } = kind.rules;
    if (check === undefined) return;
    const errors: UserError[] = [];
    for (const [index, row] of rows.entries()) {
      const fault = (field: string, message: string): void => {
        errors.push(invalidError([...pathOf(index), field], `${field} ${message}.`));
      };
      await check(context, row, fault, befores.find(({ id }) => id === row.id));
    }
    if (errors.length > 0) throw new UserFaults(errors);
  }

  async function deadReferences(
    context: WriteContext,
    kind: Kind,
    rows: readonly ColumnValues[],
    pathOf: PathOf,
  ): Promise<UserError[]> {
    const statement = deadReferencesSql(scopeOf(context, kind), rows);
    if (statement === undefined) return [];
    const dead = await run<{ ord: number; field: string }>(context, kind, statement, []);
    return dead.map(({ ord, field }) => notFoundError([...pathOf(ord), field], 'record'));
  }

  const inOrder = (rows: readonly KindRow[], ids: readonly string[]): KindRow[] => {
    const byId = new Map(rows.map((row) => [row.id, row]));
    return ids.flatMap((id) => byId.get(id) ?? []);
  };

  return {
    async create(context, kind, records, pathOf) {
      const columns = await prepare(context, kind, records, pathOf);
      const rows = columns.map((values, ord) => ({ ...values, ord, id: uuidv7() }));
      const path = rows.length === 1 ? pathOf(0) : [];
      const inserted = await run<KindRow>(context, kind, insertSql(scopeOf(context, kind), rows), path);
      if (inserted.length < rows.length) {
        throw new UserFaults(await deadReferences(context, kind, rows, pathOf));
      }
      const ordered = inOrder(inserted, rows.map(({ id }) => id));
      await checkRules(context, kind, ordered, pathOf);
      return ordered;
    },

    async update(context, kind, updates, pathOf) {
      const scope = scopeOf(context, kind);
      const currents = kind.rules.needsCurrent === true
        ? await run<KindRow>(context, kind, lockSql(scope, updates.map(({ id }) => id)), [])
        : [];
      const columns = await prepare(
        context,
        kind,
        updates.map(({ values }) => values),
        pathOf,
        updates.map(({ id }) => currents.find((row) => row.id === id)),
      );
      const rows: KindRow[] = [];
      const errors: UserError[] = [];
      for (const [index, { id, version }] of updates.entries()) {
        const changes = columns[index] ?? {};
        const [row] = await run<KindRow>(context, kind, updateSql(scope, id, version, changes), pathOf(index));
        if (row !== undefined) {
          rows.push(row);
          continue;
        }
        const [current] = await run<KindRow>(context, kind, lockSql(scope, [id]), []);
        if (current === undefined || current.deletedAt !== null) {
          errors.push(notFoundError([...pathOf(index), 'id'], kind.singular));
        } else if (current.version !== version) {
          errors.push(
            conflictError(
              [...pathOf(index), 'version'],
              `The ${kind.singular} was changed meanwhile: expected version ${version}, but it is ${current.version}. Read it again.`,
            ),
          );
        } else {
          const dead = await deadReferences(context, kind, [{ ...changes, ord: 0, id }], () => pathOf(index));
          errors.push(...dead);
        }
      }
      if (errors.length > 0) throw new UserFaults(errors);
      await checkRules(context, kind, rows, pathOf, currents);
      return rows;
    },

    async upsert(context, kind, records, pathOf) {
      const scope = scopeOf(context, kind);
      const columns = await prepare(context, kind, records, pathOf);
      const rows = columns.map((values, ord) => ({ ...values, ord, id: uuidv7() }));
      const names = [...new Set(columns.flatMap((values) => Object.keys(values)))];
      const path = rows.length === 1 ? pathOf(0) : [];
      const written = await run<KindRow & { __created: boolean }>(context, kind, upsertSql(scope, rows, names), path);
      const externalIds = records.map(({ externalId }) => externalId as string);
      const known = new Map(written.map((row) => [row.externalId, row as KindRow & { __created?: boolean }]));
      const missing = externalIds.filter((externalId) => !known.has(externalId));
      if (missing.length > 0) {
        const dead = await deadReferences(context, kind, rows, pathOf);
        if (dead.length > 0) throw new UserFaults(dead);
        for (const row of await run<KindRow>(context, kind, byExternalIdsSql(scope, missing), [])) {
          known.set(row.externalId, row);
        }
      }
      const found = externalIds.flatMap((externalId) => known.get(externalId) ?? []);
      await checkRules(context, kind, written, pathOf);
      return {
        rows: found,
        outcomes: found.map(({ __created: created }) =>
          created === undefined ? 'unchanged' : created ? 'created' : 'updated',
        ),
      };
    },

    async delete(context, kind, ids, pathOf) {
      const scope = scopeOf(context, kind);
      const deleted = await run<KindRow>(context, kind, deleteSql(scope, ids), []);
      const found = new Set(deleted.map(({ id }) => id));
      const errors = ids.flatMap((id, index) =>
        found.has(id) ? [] : [notFoundError([...pathOf(index)], kind.singular)],
      );
      if (errors.length > 0) throw new UserFaults(errors);
      await forOwned(kinds, kind, async (relation) => {
        await run(context, kind, deletePartsSql(scope, relation, ids), []);
      });
      for (const row of deleted) await kind.rules.removed?.(context, row);
      return inOrder(deleted, ids);
    },

    async restore(context, kind, id, path) {
      const scope = scopeOf(context, kind);
      const [before] = await run<KindRow>(context, kind, lockSql(scope, [id]), []);
      const [row] = await run<KindRow>(context, kind, restoreSql(scope, id), path);
      if (before?.deletedAt === null || before === undefined || row === undefined) {
        throw new UserFaults([notFoundError(path, `deleted ${kind.singular}`)]);
      }
      const { deletedAt } = before;
      await forOwned(kinds, kind, async (relation) => {
        await run(context, kind, restorePartsSql(scope, relation, id, deletedAt), path);
      });
      await kind.rules.restored?.(context, row);
      return row;
    },

    async purge(context, kind, id, path) {
      const [purged] = await run<KindRow>(context, kind, purgeSql(scopeOf(context, kind), id), path);
      if (purged === undefined) throw new UserFaults([notFoundError(path, kind.singular)]);
      await kind.rules.removed?.(context, purged);
    },
  };
}

async function forOwned(
  kinds: KindSet,
  kind: Kind,
  work: (relation: ReturnType<KindSet['children']>[number]) => Promise<void>,
): Promise<void> {
  for (const relation of kinds.children(kind)) {
    if (relation.via.owned === true) await work(relation);
  }
}

/** Words for what the database refused; constraint names stay here. */
function explainRowFault(kind: Kind, fault: RowFault, path: readonly string[]): UserError {
  const { constraint = '', column } = fault;
  const named = kind.constraints?.[constraint];
  if (fault.kind === 'unique') {
    if (constraint === `${kind.table}_external_id_key`) {
      return conflictError([...path, 'externalId'], 'externalId is already another record’s.');
    }
    return named === undefined
      ? conflictError(path, 'There is such a record already.')
      : conflictError([...path, named.field], `${named.field} ${named.message}.`);
  }
  if (fault.kind === 'referenced') {
    return conflictError(path, `Other records refer to the ${kind.singular}: purge or change them first.`);
  }
  if (named !== undefined) return invalidError([...path, named.field], `${named.field} ${named.message}.`);
  const field = fieldOfConstraint(kind, constraint, column);
  if (fault.kind === 'reference') return notFoundError(field === undefined ? path : [...path, field], 'record');
  return field === undefined
    ? invalidError(path, 'A value is not acceptable.')
    : invalidError([...path, field], `${field} is not acceptable.`);
}

/** Postgres names a column's constraint `<table>_<column>_<kind>`. */
function fieldOfConstraint(kind: Kind, constraint: string, column: string | undefined): string | undefined {
  const columnName = column ?? constraint.slice(kind.table.length + 1).replace(/_(check|fkey|not_null)$/, '');
  return (
    Object.entries(kind.fields).find(([name, field]) => columnOf(name, field) === columnName)?.[0] ??
    kind.parents.find((parent) => parent.column === columnName)?.idField
  );
}
