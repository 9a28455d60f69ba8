/**
 * The root fields of a kind that read: how each writes its whole answer, where the selection is made of
 * nothing but fields and relations of kinds. Everything else is left to the resolvers, which give the
 * same answer; test/integration/finished-answers.test.ts holds the two together.
 */
import sql, { type Sql } from 'sql-template-tag';
import type { FinishedField, PrepareFinish, SelectedField } from '../../../graphql/finished-field';
import { FinishedJson } from '../../../graphql/finished-json';
import { parseTypeId } from '../../../lib/type-id';
import type { RequestContext } from '../../../request/context';
import type { Kind } from '../kind';
import { cursorColumnNames, type Ordering } from '../read/ordering';
import { pageScopeOf, sliceOf, type ListArguments, type PlannedPage } from '../read/page-plan';
import { byIdsSql, countSql, pageSql } from '../read/read-sql';
import { readTexts, type TextRow } from '../read/run-read';
import { nameFixed, nameShaped } from '../statement-names';
import type { Asking, CompileScope, FinishTools } from './finish-scope';
import { hasFixedArguments, preparing } from './fixed-statement';
import { quote, type WriteRow } from './json-values';
import { compilePage } from './page-writer';
import { recordWriter, selectedNames, withRelations, type RootRow } from './record-writer';

export interface FinishedFields {
  readonly byId: (kind: Kind) => PrepareFinish<{ readonly id: string }>;
  readonly page: (kind: Kind) => PrepareFinish<ListArguments>;
}

export const createFinishedFields = (tools: FinishTools): FinishedFields => ({
  byId: (kind) => (selected) => finishById({ ...tools, ...selected }, kind, selected),
  page: (kind) => (selected) => finishPage({ ...tools, ...selected }, kind, selected),
});

const askingOf = (ctx: RequestContext, variables: Asking['variables']): Asking => ({
  ...pageScopeOf(ctx),
  variables,
});

function finishById(
  scope: CompileScope,
  kind: Kind,
  { node }: SelectedField,
): FinishedField<{ readonly id: string }> | undefined {
  const names = selectedNames(scope, kind, [node]);
  if (names === undefined) return undefined;
  const row: RootRow = { shape: scope.shapes.ofFields(kind, names), relations: [] };
  const write = recordWriter(scope, kind, [node], row);
  if (write === undefined) return undefined;
  const prepare = preparing<undefined, undefined>({
    isFixed: row.relations.every(({ isFixed }) => isFixed),
    make: (_args, asking, uuid) => ({
      plan: undefined,
      statement: withRelations(
        row,
        asking,
        byIdsSql(kind, asking.localTenantId, [uuid], row.shape),
      ),
    }),
    name: row.relations.length === 0 ? nameFixed : nameShaped,
  });
  return {
    statements: 1,
    finish: async ({ id }, ctx, variables) => {
      const uuid = parseTypeId(kind.idPrefix, id);
      if (uuid === undefined) return null;
      const { statement } = prepare(undefined, askingOf(ctx, variables), uuid);
      const [found] = await readTexts(ctx, statement);
      return found === undefined ? null : new FinishedJson(write(found));
    },
  };
}

function finishPage(
  scope: CompileScope,
  kind: Kind,
  { node }: SelectedField,
): FinishedField<ListArguments> | undefined {
  const compiled = compilePage(scope, kind, node);
  if (compiled === undefined) return undefined;
  const { asked, countsAll, row, write } = compiled;
  const isFixed = hasFixedArguments(node) && row.relations.every((relation) => relation.isFixed);
  const prepare = preparing<ListArguments, PlannedPage>({
    isFixed,
    make(args, asking) {
      const planned = scope.planPage(kind, args, asked, asking);
      const { query } = planned;
      const page = pageSql(kind, asking.localTenantId, query);
      const records = withRelations(row, asking, page, cursorColumnNames(query.ordering));
      const statement = countsAll
        ? withCount(records, countSql(kind, asking.localTenantId, query))
        : records;
      return { plan: planned, statement };
    },
    name: nameShaped,
  });
  const prepareCount = preparing<PlannedPage, undefined>({
    isFixed,
    make: ({ query }, { localTenantId }) => ({
      plan: undefined,
      statement: countSql(kind, localTenantId, query),
    }),
    name: nameShaped,
  });
  async function totalCount(
    ctx: RequestContext,
    asking: Asking,
    plan: PlannedPage,
    [first]: readonly TextRow[],
  ): Promise<number> {
    if (first !== undefined) return Number(first.at(-1));
    // A page that begins at the beginning is empty when there is nothing.
    if (plan.query.position === undefined) return 0;
    const [counted] = await readTexts(ctx, prepareCount(plan, asking).statement);
    return Number(counted?.[0]);
  }
  return {
    statements: 1,
    finish: async (args, ctx, variables) => {
      const asking = askingOf(ctx, variables);
      const { plan, statement } = prepare(args, asking);
      const rows = await readTexts(ctx, statement);
      return new FinishedJson(
        write({
          ...sliceOf(plan, rows),
          cursorOf: cursorWriter(ctx, plan.query.ordering, row),
          totalCount: countsAll ? await totalCount(ctx, asking, plan, rows) : 0,
        }),
      );
    },
  };
}

/** The count stands last in each row: one statement for both, and one look at the data. */
const withCount = (records: Sql, count: Sql): Sql =>
  sql`select page.*, (${count}) from (${records}) page`;

/** Cursors of the rows of a statement whose relations are followed by the ordering's cursor columns. */
function cursorWriter(
  ctx: RequestContext,
  ordering: Ordering,
  { shape, relations }: RootRow,
): WriteRow {
  const idAt = shape.keys.indexOf('id');
  const first = shape.keys.length + relations.length;
  const end = first + cursorColumnNames(ordering).length;
  const { tenantId } = ctx.session;
  return (row) =>
    quote(
      ctx.cursors.encode(tenantId, ordering.signature, [
        ...row.slice(first, end),
        row[idAt] ?? null,
      ]),
    );
}
