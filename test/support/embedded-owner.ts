/**
 * A process that owns an embedded Postgres, for tests that kill it: `node -r sucrase/register
 * embedded-owner.ts <dataDir>`. Prints its URL and waits; deaf to SIGINT, as a draining server is.
 */
import { startEmbeddedPostgres } from '../../src/embedded/embedded-postgres';

const [, , dataDir] = process.argv;
if (dataDir === undefined) throw new Error('Expected a data directory as argument.');

process.on('SIGINT', () => undefined);
setInterval(() => undefined, 60_000);
startEmbeddedPostgres({ dataDir, settings: { fsync: 'off' } }).then(
  (postgres) => console.log(postgres.urlFor('postgres')),
  (error: unknown) => {
    console.error(error);
    process.exit(1);
  },
);
