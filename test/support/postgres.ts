/**
 * The one Postgres server of a test run: embedded and thrown away afterwards, or the one that
 * TEST_POSTGRES_URL (a superuser's URL) names.
 *
 * A run that was killed leaves its server and its folder; the next run removes both.
 */
import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hasBeenLocked } from '../../src/embedded/cluster-lock';
import {
  removeAbandonedCluster,
  startEmbeddedPostgres,
} from '../../src/embedded/embedded-postgres';

const FOLDER_PREFIX = 'cloister-test-';

/** Nothing here must survive a crash; workers clone databases and hold pools at the same time. */
const SETTINGS = {
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
  max_connections: '300',
  timezone: 'UTC',
};

export interface TestPostgres {
  /** Of a superuser, to the database `postgres`. */
  readonly url: string;
  stop(): Promise<void>;
}

export async function startTestPostgres(): Promise<TestPostgres> {
  await removeAbandonedRuns();
  const folder = await mkdtemp(join(tmpdir(), FOLDER_PREFIX));
  await chmod(folder, 0o711); // run by root, the server has an account of its own
  const postgres = await startEmbeddedPostgres({
    dataDir: join(folder, 'postgres'),
    settings: SETTINGS,
    log: (line) => console.error(line),
  });
  return {
    url: postgres.urlFor('postgres'),
    stop: async () => {
      await postgres.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function removeAbandonedRuns(): Promise<void> {
  const names = (await readdir(tmpdir())).filter((name) => name.startsWith(FOLDER_PREFIX));
  for (const name of names) {
    const folder = join(tmpdir(), name);
    try {
      if (!(await hasBeenLocked(join(folder, 'postgres.lock')))) continue; // about to start
      await removeAbandonedCluster(join(folder, 'postgres'));
      await rm(folder, { recursive: true, force: true });
    } catch {
      // In use, another user's, or being removed by another run: none of it concerns this one.
    }
  }
}
