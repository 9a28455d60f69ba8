/**
 * The practical limit: node:http and one hand-written SQL statement that returns the finished JSON,
 * isolated as cloister is (the tenant is stated before the statement, in the same implicit
 * transaction, for the price of one more Bind). No GraphQL, no checks of anything.
 */
import { createServer, type IncomingMessage } from 'node:http';
import pg from 'pg';
import { LIMIT_STATEMENTS } from './limit.statements';
import { poolConfig, readPeerSettings, tenantOf } from './peer-settings';
import { ScopedQuery, SCOPE_STATEMENT } from './scoped-query';

const settings = readPeerSettings();
const pool = new pg.Pool(poolConfig(settings));
pool.on('connect', (client) => void client.query(SCOPE_STATEMENT));

function answer(tenant: string, name: string, body: string): Promise<string> {
  const statement = LIMIT_STATEMENTS[name];
  if (statement === undefined) throw new Error(`There is no statement ${name}.`);
  const { variables } = JSON.parse(body) as { variables: Record<string, string> };
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
}

async function read(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

createServer((request, response) => {
  void read(request)
    .then((body) => answer(tenantOf(request.headers), (request.url ?? '').slice(1), body))
    .then(
      (json) => {
        const content = Buffer.from(json);
        response.writeHead(200, {
          'content-type': 'application/json',
          'content-length': content.length,
        });
        response.end(content);
      },
      (error: unknown) => response.writeHead(500).end(String(error)),
    );
}).listen(settings.port, '127.0.0.1');
