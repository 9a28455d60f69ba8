/**
 * A process that migrates a database, for tests that kill it: `node -r sucrase/register migrator.ts
 * <set> <ownerUrl> <name>`. Kills itself as hard as can be when it comes to the migration `name`.
 */
import { parseConnectionUrl } from '../../src/database/connection-url';
import { migrateDatabase } from '../../src/database/migrate-database';
import type { MigrationSet } from '../../src/database/migration-source';

const [, , set, url, fatal] = process.argv;
if (url === undefined) throw new Error('Expected a set and a URL as arguments.');

void migrateDatabase(parseConnectionUrl(url), set as MigrationSet, {
  onProgress: (name) => {
    if (name === fatal) process.kill(process.pid, 'SIGKILL');
  },
});
