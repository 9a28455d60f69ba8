/**
 * Runs statements on a leased connection and watches over them: a statement that is slow on a
 * living server is the server's to end (`statement_timeout`); one on a dead server is ended here.
 */
import pg, { type QueryResult } from 'pg';
import { tenantUnavailable } from '../errors';
import { SECOND } from '../lib/duration';
import { answers } from './answers';
import { ScopedQuery, type Scope } from './scoped-query';
import type { Statement } from './statement';

/** After this long without an answer the server is asked whether it lives. */
const SUSPICIOUS_AFTER_MS = 1.5 * SECOND;
const ANSWER_WITHIN_MS = 1 * SECOND;

type Submit = (callback: (error: Error | null, result: QueryResult) => void) => void;

/** @param scope given: an implicit transaction of its own; absent: within the open transaction. */
export function runStatement<Row>(
  client: pg.ClientBase,
  statement: Statement,
  scope?: Scope,
): Promise<Row[]> {
  return watched(client, (callback) => {
    if (scope === undefined) {
      client.query(
        { text: statement.text, values: statement.values as unknown[], ...(statement.name === undefined ? {} : { name: statement.name }) },
        callback,
      );
      return;
    }
    const name = scope.namedStatements ? statement.name : undefined;
    client.query(new ScopedQuery({ ...statement, name }, scope, callback) as unknown as pg.Query);
  }).then((result) => result.rows as Row[]);
}

function watched(client: pg.ClientBase, submit: Submit): Promise<QueryResult> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      const { host, port } = client as unknown as { host: string; port: number };
      void answers(host, port, ANSWER_WITHIN_MS).then((alive) => {
        if (alive) return;
        reject(tenantUnavailable('DATA_SOURCE_UNREACHABLE', new Error('The server fell silent.')));
        (client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy();
      });
    }, SUSPICIOUS_AFTER_MS);
    submit((error, result) => {
      clearTimeout(timer);
      if (error === null || error === undefined) resolve(result);
      else reject(error);
    });
  });
}

/** Asks the server to cancel what the client is running, over a connection of its own. */
export function cancelRunning(client: pg.ClientBase): void {
  const target = client as unknown as {
    host: string;
    port: number;
    ssl: unknown;
    processID: number;
    secretKey: number;
  };
  const connection = new pg.Connection({ ssl: target.ssl } as object) as unknown as {
    connect(port: number, host: string): void;
    cancel(processId: number, secretKey: number): void;
    on(event: string, listener: () => void): void;
  };
  // Cancelling is best effort: the statement timeout ends the statement if this does not.
  connection.on('error', () => undefined);
  connection.on(target.ssl ? 'sslconnect' : 'connect', () =>
    connection.cancel(target.processID, target.secretKey),
  );
  connection.connect(target.port, target.host);
}
