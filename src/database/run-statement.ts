/** Runs statements on a leased connection, watched for a server that falls silent. */
import type { ClientBase, Query, QueryResult } from 'pg';
import { inOneFlight } from './pg-internals';
import { ScopedQuery, type Scope } from './scoped-query';
import { watched } from './silence-watch';
import type { Statement } from './statement';
import { StatementQuery } from './statement-query';

/** In a transaction of its own, which states the tenant and leaves nothing on the connection. */
export async function runScoped<Row>(
  client: ClientBase,
  { text, values, name, types, asTexts }: Statement,
  scope: Scope,
): Promise<Row[]> {
  const result = await watched<QueryResult>(client, scope.statementTimeoutMs, (callback) => {
    const statement = {
      text,
      values,
      name: scope.namedStatements ? name : undefined,
      types,
      asTexts,
    };
    inOneFlight(client);
    client.query(new ScopedQuery(statement, scope, callback) as unknown as Query);
  });
  return result.rows as Row[];
}

/** Within the transaction that is open, or as a command that begins or ends one. */
export function run(
  client: ClientBase,
  { text, values, name, types, asTexts }: Statement,
  { limitMs, namedStatements }: { readonly limitMs: number; readonly namedStatements: boolean },
): Promise<QueryResult> {
  return watched<QueryResult>(client, limitMs, (callback) => {
    const statement = { text, values, name: namedStatements ? name : undefined, types, asTexts };
    inOneFlight(client);
    client.query(new StatementQuery(statement, callback) as unknown as Query);
  });
}
