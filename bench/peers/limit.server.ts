/**
 * The practical limit: node:http and one hand-written SQL statement that returns the finished JSON.
 * No GraphQL, no checks of anything.
 */
import { createServer } from 'node:http';
import { createLimitDatabase } from './limit.database';
import { readBody, sendJson } from './plain-http';
import { readPeerSettings, tenantOf } from './peer-settings';

const settings = readPeerSettings();
const ask = createLimitDatabase(settings);

createServer((request, response) => {
  void readBody(request)
    .then((body) => {
      const { variables } = JSON.parse(body) as { variables: Record<string, string> };
      return ask(tenantOf(request.headers), (request.url ?? '').slice(1), variables);
    })
    .then(
      (json) => sendJson(response, json),
      (error: unknown) => response.writeHead(500).end(String(error)),
    );
}).listen(settings.port, '127.0.0.1');
