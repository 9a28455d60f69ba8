/** A registry and a fleet of databases of the release before, for tests of migrations. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { OLDEST_SERVED_SCHEMA } from '../../src/database/compatibility-statement';
import { parseConnectionUrl } from '../../src/database/connection-url';
import { migrateDatabase } from '../../src/database/migrate-database';
import { enrolDataSource } from '../../src/tenancy/provision';
import { createTenancy, type Tenancy } from '../../src/tenancy/tenancy';
import { cliEnvironment, cloister, type CliResult } from './cli';
import { ask } from './data-sources';
import { cloneDatabase, createTemplate, type Template, type TestDatabase } from './databases';
import { testConfig, testRegistryTemplate } from './world';

export interface Fleet {
  readonly registry: TestDatabase;
  readonly tenancy: Tenancy;
  readonly environment: Record<string, string>;
  readonly sources: ReadonlyMap<string, TestDatabase>;
  /** Adds a data source that is a release behind. */
  add(name: string): Promise<TestDatabase>;
  migrate(...args: string[]): Promise<CliResult>;
  /** The newest migration of a data source, as the database itself has it. */
  versionOf(name: string): Promise<string | undefined>;
  close(): Promise<void>;
}

/** A tenant data source as the release before left it. */
export const previousReleaseTemplate = (): Promise<Template> =>
  createTemplate('tenant_previous_release', async ({ ownerUrl }) => {
    await migrateDatabase(parseConnectionUrl(ownerUrl), 'tenant', {
      appRole: 'cloister_shared_app',
      upTo: OLDEST_SERVED_SCHEMA,
    });
  });

export async function createFleet(): Promise<Fleet> {
  const registry = await cloneDatabase(await testRegistryTemplate());
  const tenancy = createTenancy(testConfig(registry), { listen: false });
  const sources = new Map<string, TestDatabase>();
  const environment = cliEnvironment(registry);
  return {
    registry,
    tenancy,
    environment,
    sources,
    async add(name) {
      const database = await cloneDatabase(await previousReleaseTemplate());
      sources.set(name, database);
      await enrolDataSource(tenancy, {
        name,
        placement: 'dedicated',
        url: database.appUrl,
        migrationUrl: database.ownerUrl,
      });
      return database;
    },
    migrate: (...args) => cloister(['migrate', ...args], environment),
    async versionOf(name) {
      const [row] = await ask<{ name: string }>(
        sources.get(name)?.ownerUrl ?? '',
        'select name from cloister.schema_migrations order by name desc limit 1',
      );
      return row?.name;
    },
    async close() {
      await tenancy.close();
      for (const database of [registry, ...sources.values()]) await database.drop();
    },
  };
}

/** Runs a script of test/support as a process of its own. @returns how it ended. */
export function runScript(
  script: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
): Promise<{ signal: NodeJS.Signals | null; code: number | null; stderr: string }> {
  const child = spawn(
    process.execPath,
    ['-r', 'sucrase/register', join(__dirname, script), ...args],
    { env: { ...process.env, ...environment } },
  );
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code, signal) => resolve({ code, signal, stderr }));
  });
}
