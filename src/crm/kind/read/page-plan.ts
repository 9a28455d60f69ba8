/** From the arguments of a list to the statement that reads its page, and back to the page. */
import type { FilterInput } from './filter-sql';
import { filterSql } from './filter-sql';
import type { PageQuery } from './read-sql';
import type { RowShape } from './row-shapes';
import { createOrderings, type OrderInput } from './ordering';
import { resolveSlice, type PageArguments } from '../../../graphql/pages';
import type { CursorValues } from '../../../database/cursors';
import type { RequestContext } from '../../../request/context';
import type { Kind, KindSet } from '../kind';

export interface ListArguments extends PageArguments {
  readonly filter?: FilterInput | null;
  readonly orderBy?: readonly OrderInput[] | null;
  readonly includeDeleted?: boolean | null;
}

/** What is asked of a page. */
export interface PageAsked {
  /** What is read of each record. */
  readonly shape: RowShape;
  readonly hasNextPage: boolean;
  readonly hasPreviousPage: boolean;
}

export interface PlannedPage {
  readonly query: PageQuery;
  readonly size: number;
  readonly hasCursor: boolean;
}

export interface PageSlice<Row> {
  readonly rows: readonly Row[];
  readonly hasNextPage: boolean;
  readonly hasPreviousPage: boolean;
}

/** Whose page it is. */
export interface PageScope {
  readonly localTenantId: string;
  readonly decodeCursor: (signature: string, cursor: string) => CursorValues;
}

export const pageScopeOf = ({ session, cursors }: RequestContext): PageScope => ({
  localTenantId: session.localTenantId,
  decodeCursor: (signature, cursor) => cursors.decode(session.tenantId, signature, cursor),
});

export type PlanPage = (
  kind: Kind,
  args: ListArguments,
  asked: PageAsked,
  scope: PageScope,
) => PlannedPage;

export function createPagePlanner(kinds: KindSet): PlanPage {
  const orderings = createOrderings(kinds);
  return (kind, args, asked, { localTenantId, decodeCursor }) => {
    const { size, cursor, backwards } = resolveSlice(args);
    const ordering = orderings.resolve(kind, args.orderBy);
    const more = backwards ? asked.hasPreviousPage : asked.hasNextPage;
    return {
      size,
      hasCursor: cursor !== undefined,
      query: {
        shape: asked.shape,
        ordering,
        filter: filterSql(kinds, kind, args.filter, localTenantId),
        includeDeleted: args.includeDeleted === true,
        limit: size + (more ? 1 : 0),
        position: cursor === undefined ? undefined : decodeCursor(ordering.signature, cursor),
        backwards,
      },
    };
  };
}

/** The page among the rows found, of which there is one too many when there are more. */
export function sliceOf<Row>(
  { query: { backwards }, size, hasCursor }: PlannedPage,
  found: readonly Row[],
): PageSlice<Row> {
  const page = found.slice(0, size);
  const more = found.length > size;
  return {
    rows: backwards ? page.reverse() : page,
    hasNextPage: backwards ? hasCursor : more,
    hasPreviousPage: backwards ? more : hasCursor,
  };
}
