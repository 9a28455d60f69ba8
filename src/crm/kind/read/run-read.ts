/** Runs a statement that reads records of a kind, for answers alone. */
import { RowFault } from '../../../database/postgres-errors';
import type { Statement } from '../../../database/statement';
import { shownTypeParsers } from '../../../database/type-parsers';
import { badUserInput } from '../../../errors';
import type { RequestContext } from '../../../request/context';

/** @throws BAD_USER_INPUT when a value of the filter is one the database cannot hold (year 0). */
export const readRows = <Row>(ctx: RequestContext, statement: Statement): Promise<Row[]> =>
  run<Row>(ctx, { ...statement, types: shownTypeParsers });

/** A row as Postgres' texts, in the order of the statement's columns. */
export type TextRow = readonly (string | null)[];

/** @throws as `readRows` does. */
export const readTexts = (
  ctx: RequestContext,
  { text, values, name }: Statement,
): Promise<TextRow[]> =>
  run<TextRow>(
    ctx,
    name === undefined ? { text, values, asTexts: true } : { text, values, name, asTexts: true },
  );

async function run<Row>({ session }: RequestContext, statement: Statement): Promise<Row[]> {
  try {
    return await session.query<Row>(statement);
  } catch (error) {
    if (error instanceof RowFault) throw badUserInput('A value of the filter is out of range.');
    throw error;
  }
}
