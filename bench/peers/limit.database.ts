/**
 * One hand-written statement that returns the finished JSON, isolated as cloister is: the tenant is
 * stated before the statement, in the same implicit transaction, for the price of one more Bind.
 */
import pg from 'pg';
import { LIMIT_STATEMENTS } from './limit.statements';
import { poolConfig, type PeerSettings } from './peer-settings';
import { ScopedQuery, SCOPE_STATEMENT } from './scoped-query';

/** @returns what answers a query by its name with JSON. */
export function createLimitDatabase(settings: PeerSettings) {
  const pool = new pg.Pool(poolConfig(settings));
  pool.on('connect', (client) => void client.query(SCOPE_STATEMENT));
  return (
    tenant: string,
    name: string,
    variables: Readonly<Record<string, string>>,
  ): Promise<string> => {
    const statement = LIMIT_STATEMENTS[name];
    if (statement === undefined) throw new Error(`There is no statement ${name}.`);
    const values = [
      tenant,
      ...(statement.values?.(variables) ??
        statement.parameters.map((parameter) => variables[parameter])),
    ];
    return new Promise((resolve, reject) => {
      pool.connect((failure, client, release) => {
        if (client === undefined) {
          reject(failure ?? new Error('Got no connection.'));
          return;
        }
        const query = new ScopedQuery(
          { name, text: statement.text, values },
          tenant,
          (error, result) => {
            release();
            if (error) reject(error);
            else resolve((result.rows[0] as { json: string }).json);
          },
        );
        client.query(query as unknown as pg.Query);
      });
    });
  };
}
