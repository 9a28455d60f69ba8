/**
 * Reads records for one request, through dataloaders: what a level of the query asks for becomes
 * one statement for each kind of load, whatever the number of rows (invariant 8).
 */
import DataLoader from 'dataloader';
import type { GraphQLResolveInfo } from 'graphql';
import type { Sql } from 'sql-template-tag';
import type { RequestContext } from '../../request/context';
import { selectedFields, selects } from '../../graphql/selection';
import type { ChildRelation, Kind, KindRow, KindSet } from './kind';
import { cursorValuesOf, type Ordering } from './read/ordering';
import {
  createPagePlanner,
  pageScopeOf,
  sliceOf,
  type ListArguments,
  type PlannedPage,
} from './read/page-plan';
import { byIdsSql, childCountsSql, childPagesSql, countSql, pageSql } from './read/read-sql';
import type { RowShape, RowShapes } from './read/row-shapes';
import { readRows } from './read/run-read';
import { perKind } from './per-kind';
import { nameFixed, nameShaped } from './statement-names';

/** A page as the connection's fields read it. */
export interface Page {
  readonly rows: readonly KindRow[];
  readonly hasNextPage: boolean;
  readonly hasPreviousPage: boolean;
  readonly cursorOf: (row: KindRow) => string;
  /** Loaded only when asked for. */
  readonly totalCount: () => Promise<number>;
}

/**
 * As many records as an operation may cost by default: a level is one statement, and only a cost
 * limit set higher than that makes it more.
 */
const MAX_BATCH = 50_000;

/** Where a connection shows its records. */
const PATHS_TO_RECORDS = [['nodes'], ['edges', 'node']] as const;

export function createKindReader(kinds: KindSet, shapes: RowShapes) {
  const planPage = createPagePlanner(kinds);
  /** By the nodes of a field, of which an operation has the same array for all records of a level. */
  const shapesByField = perKind(() => new WeakMap<object, RowShape>());
  const shapesByPage = new WeakMap<object, RowShape>();
  const query = <Row>(ctx: RequestContext, statement: Sql): Promise<Row[]> =>
    readRows<Row>(ctx, nameShaped(statement));

  /** What a relation's records are asked for; worked out once, however many records refer to one. */
  function shapeOf(kind: Kind, info: GraphQLResolveInfo): RowShape {
    const known = shapesByField(kind).get(info.fieldNodes);
    if (known !== undefined) return known;
    const shape = shapes.ofFields(kind, selectedFields(info, []));
    shapesByField(kind).set(info.fieldNodes, shape);
    return shape;
  }

  function shapeOfPage(kind: Kind, info: GraphQLResolveInfo): RowShape {
    const known = shapesByPage.get(info.fieldNodes);
    if (known !== undefined) return known;
    const fields = PATHS_TO_RECORDS.flatMap((path) => [...selectedFields(info, path)]);
    const shape = shapes.ofFields(kind, fields);
    shapesByPage.set(info.fieldNodes, shape);
    return shape;
  }

  const plan = (
    ctx: RequestContext,
    kind: Kind,
    args: ListArguments,
    info: GraphQLResolveInfo,
  ): PlannedPage =>
    planPage(
      kind,
      args,
      {
        shape: shapeOfPage(kind, info),
        hasNextPage: selects(info, ['pageInfo', 'hasNextPage']),
        hasPreviousPage: selects(info, ['pageInfo', 'hasPreviousPage']),
      },
      pageScopeOf(ctx),
    );

  const toPage = (
    ctx: RequestContext,
    planned: PlannedPage,
    found: readonly KindRow[],
    totalCount: () => Promise<number>,
  ): Page => ({
    ...sliceOf(planned, found),
    cursorOf: cursorMaker(ctx, planned.query.ordering),
    totalCount,
  });

  /** One for each shape: who asks for the same columns shares a statement. */
  const byIdLoader = (
    ctx: RequestContext,
    kind: Kind,
    shape: RowShape,
  ): DataLoader<string, KindRow | null> =>
    ctx.loaders.get(
      `${kind.name}.byId.${shape.number}`,
      () =>
        new DataLoader<string, KindRow | null>(
          async (ids) => {
            const rows = await readRows<KindRow>(
              ctx,
              nameFixed(byIdsSql(kind, ctx.session.localTenantId, ids, shape)),
            );
            const byId = new Map(rows.map((row) => [row.id, row]));
            return ids.map((id) => byId.get(id) ?? null);
          },
          { maxBatchSize: MAX_BATCH },
        ),
    );

  return {
    /**
     * @param info of the field that shows the record, for its columns; absent: the whole row.
     * @returns null for an id that is absent, deleted or another tenant's: they look the same.
     */
    byId: (
      ctx: RequestContext,
      kind: Kind,
      id: string,
      info?: GraphQLResolveInfo,
    ): Promise<KindRow | null> =>
      byIdLoader(ctx, kind, info === undefined ? shapes.whole(kind) : shapeOf(kind, info)).load(id),

    async page(
      ctx: RequestContext,
      kind: Kind,
      args: ListArguments,
      info: GraphQLResolveInfo,
    ): Promise<Page> {
      const planned = plan(ctx, kind, args, info);
      const tenantId = ctx.session.localTenantId;
      const rows = await query<KindRow>(ctx, pageSql(kind, tenantId, planned.query));
      return toPage(ctx, planned, rows, async () => {
        const [row] = await query<{ count: number }>(ctx, countSql(kind, tenantId, planned.query));
        return row?.count ?? 0;
      });
    },

    /** A parent's page of children; all parents of a level share one statement. */
    childPage(
      ctx: RequestContext,
      relation: ChildRelation,
      parentId: string,
      args: ListArguments,
      info: GraphQLResolveInfo,
    ): Promise<Page> {
      const key = `${info.parentType.name}.${relation.name}@${fieldKey(ctx, info)}`;
      const loader = ctx.loaders.get(key, () => {
        const planned = plan(ctx, relation.child, args, info);
        const tenantId = ctx.session.localTenantId;
        const counts = new DataLoader<string, number>(
          async (ids) => {
            const rows = await query<{ __parent: string; count: number }>(
              ctx,
              childCountsSql(relation, tenantId, ids, planned.query),
            );
            const byParent = new Map(rows.map((row) => [row.__parent, row.count]));
            return ids.map((id) => byParent.get(id) ?? 0);
          },
          { maxBatchSize: MAX_BATCH },
        );
        return new DataLoader<string, Page>(
          async (ids) => {
            const rows = await query<KindRow & { __parent: string }>(
              ctx,
              childPagesSql(relation, tenantId, ids, planned.query),
            );
            const byParent = new Map<string, KindRow[]>(ids.map((id) => [id, []]));
            for (const row of rows) byParent.get(row.__parent)?.push(row);
            return ids.map((id) =>
              toPage(ctx, planned, byParent.get(id) ?? [], () => counts.load(id)),
            );
          },
          { maxBatchSize: MAX_BATCH },
        );
      });
      return loader.load(parentId);
    },
  };
}

export type KindReader = ReturnType<typeof createKindReader>;

const cursorMaker =
  (ctx: RequestContext, ordering: Ordering) =>
  (row: KindRow): string =>
    ctx.cursors.encode(ctx.session.tenantId, ordering.signature, cursorValuesOf(ordering, row));

/**
 * Which field of the request's document is resolved, by numbers of its nodes: the same nodes have the
 * same arguments and selection, however many parents they are resolved for. All the nodes count:
 * fragments can share one and differ in another, which asks for more of the page.
 */
function fieldKey(ctx: RequestContext, { fieldNodes }: GraphQLResolveInfo): string {
  const numbers = ctx.loaders.get('fieldNodes', () => new Map<object, number>());
  return fieldNodes
    .map((node) => {
      const number = numbers.get(node) ?? numbers.size + 1;
      numbers.set(node, number);
      return number;
    })
    .join('+');
}
