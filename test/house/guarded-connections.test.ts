import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(__dirname, '../..');

/** Files that read a URL without a guard, and why no customer's host is connected to by it. */
const WITHOUT_GUARD: Readonly<Record<string, string>> = {
  'src/tenancy/data-source-url.ts': 'adds the guard itself',
  'src/tenancy/provision.ts': 'takes the role’s name from it',
  'src/tenancy/tenancy.ts': 'the registry',
  'src/tenancy/migrate-fleet.ts': 'the registry',
  'src/tenancy/fleet-run.ts': 'the registry',
  'src/platform/jobs/jobs-database.ts': 'the registry',
  'src/platform/operator-jobs.ts': 'the registry',
  'src/platform/database-servers.ts': 'servers of the operator’s own',
  'src/platform/erasure/erase-place.ts': 'takes the names of database and roles from it',
};

const filesOf = (folder: string): string[] =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
    .map((file) => `${folder}/${file}`);

it('reads the URL of a data source by parseDataSourceUrl, which guards where it leads', () => {
  const unguarded = ['src/tenancy', 'src/platform']
    .flatMap(filesOf)
    .filter((file) => /\bparseConnectionUrl\(/.test(readFileSync(join(ROOT, file), 'utf8')));
  expect(unguarded.filter((file) => WITHOUT_GUARD[file] === undefined)).toEqual([]);
});

it('connects by settings that carry their guard, and never by a URL', () => {
  const byUrl = ['src/tenancy', 'src/platform', 'src/database']
    .flatMap(filesOf)
    .filter((file) => /\bconnectionString\b/.test(readFileSync(join(ROOT, file), 'utf8')));
  expect(byUrl).toEqual([]);
});
