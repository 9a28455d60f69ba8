/**
 * Statements for data sources of the release before: one that needs a migration which the data source
 * has not had says what to send instead.
 *
 * The registry's record of versions says where that may be so, and the data source itself whether it
 * is: what is left out there may be a check of a second factor, and a record may be out of date.
 */
import type { Statement } from '../database/statement';
import type { DataSource } from './directory';

/** What the registry does not know counts as up to date. */
export const mayBeOlder = (
  { older }: Statement,
  { schemaVersion }: Pick<DataSource, 'schemaVersion'>,
): boolean => older !== undefined && schemaVersion !== null && schemaVersion < older.than;

/** @param query on the same connection, in the same transaction if there is one. */
export async function fittingStatement(
  statement: Statement,
  query: (statement: Statement) => Promise<readonly unknown[]>,
): Promise<Statement> {
  const { older, values } = statement;
  if (older === undefined) return statement;
  const migrated = await query({
    text: 'select from cloister.schema_migrations where name = $1',
    values: [older.than],
  });
  return migrated.length > 0 ? statement : { text: older.text, values };
}
