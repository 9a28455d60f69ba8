/**
 * PostGraphile 5 as its documentation sets it up in library mode: Amber preset, Node's HTTP server,
 * row-level security by `pgSettings` with a role. https://postgraphile.org/postgraphile/5/usage-library/
 *
 * Two additions: the connection-filter plugin, for leaving out deleted records (without that its
 * queries could not use the partial indexes), and filters on columns that are not indexed themselves,
 * for the same reason. The search is a function in a schema of its own, which is how PostGraphile's
 * users add what tables do not say (the bench makes it, see search.function.ts).
 */
import { createServer } from 'node:http';
import { postgraphile } from 'postgraphile';
import { makePgService } from 'postgraphile/adaptors/pg';
import { grafserv } from 'postgraphile/grafserv/node';
import { PostGraphileAmberPreset } from 'postgraphile/presets/amber';
import { PostGraphileConnectionFilterPreset } from 'postgraphile-plugin-connection-filter';
import { readPeerSettings, tenantOf } from './peer-settings';

const settings = readPeerSettings();
const role = new URL(settings.databaseUrl).username;

const pgl = postgraphile({
  extends: [PostGraphileAmberPreset, PostGraphileConnectionFilterPreset],
  disablePlugins: ['PgIndexBehaviorsPlugin'],
  pgServices: [
    makePgService({
      connectionString: settings.databaseUrl,
      schemas: ['cloister', 'bench'],
      poolConfig: { max: settings.poolSize },
    }),
  ],
  grafserv: { graphqlPath: '/graphql', graphiql: false, watch: false },
  grafast: {
    context: (request) => ({
      pgSettings: { role, 'app.tenant_id': tenantOf(request.node?.req.headers ?? {}) },
    }),
  },
});

const server = createServer();
server.on('error', (error) => {
  throw error;
});
void Promise.resolve(pgl.createServ(grafserv).addTo(server)).then(() =>
  server.listen(settings.port, '127.0.0.1'),
);
