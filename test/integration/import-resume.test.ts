import { createWorld, type TenantName, type World } from '../support/world';
import {
  countsOf,
  createImportFolder,
  importOptions,
  pipelineFiles,
  runImport,
  type ImportFolder,
} from '../support/import-world';
import type { ImportOptions } from '../../src/import/run-import';

let world: World;
let folder: ImportFolder;

beforeAll(async () => {
  world = await createWorld();
});
afterAll(() => world.close());
beforeEach(async () => {
  folder = await createImportFolder();
});
afterEach(() => folder.remove());

const TABLES = ['opportunity_line_items', 'opportunities', 'products', 'accounts', 'import_runs'];

/** The tenant as if nothing had ever been imported. */
async function empty(tenant: TenantName): Promise<void> {
  const { database, localTenantId } = world.tenants[tenant];
  for (const table of TABLES) {
    await world.sql(database, `delete from cloister.${table} where tenant_id = $1`, [
      localTenantId,
    ]);
  }
  await world.sql(
    database,
    'delete from cloister.users where tenant_id = $1 and external_id is not null',
    [localTenantId],
  );
}

const recordsOf = (tenant: TenantName): Promise<Record<string, number>[]> => {
  const { database, localTenantId } = world.tenants[tenant];
  const counts = ['users', ...TABLES, 'import_deferred_rows'].map(
    (table) => `(select count(*)::int from cloister.${table} where tenant_id = $1) as ${table}`,
  );
  return world.sql(database, `select ${counts.join(', ')}`, [localTenantId]);
};

type Moment = 'before' | 'after';

/** A session that dies at its nth transaction: just before the commit, or just after it. */
function dyingAt(
  session: ImportOptions['session'],
  nth: number,
  moment: Moment,
): ImportOptions['session'] {
  let transactions = 0;
  return {
    async transaction(work) {
      transactions += 1;
      const dies = transactions === nth;
      const result = await session.transaction(async (tx) => {
        const done = await work(tx);
        if (dies && moment === 'before') throw new Error('The power is cut.');
        return done;
      });
      if (dies) throw new Error('The power is cut.');
      return result;
    },
  };
}

/** A rejected row early and one late; subsidiaries in reverse order. */
const FILES = (): Record<string, string> => {
  const files = pipelineFiles(8);
  return {
    ...files,
    'accounts.csv': [
      'account,sector,year_established,revenue,employees,office_location,subsidiary_of',
      'Subsidiary,a,1996,1,1,X,Middle',
      'Middle,a,1996,1,1,X,Mother',
      'Bad,a,never,1,1,X,',
      'Mother,a,1999,1,1,X,',
    ].join('\n'),
    'sales_pipeline.csv': (files['sales_pipeline.csv'] ?? '').replace(
      'OPP0003,Bob',
      'OPP0003,Nobody',
    ),
  };
};

const EXPECTED = {
  User: [2, 0, 0, 0],
  Account: [3, 0, 0, 1],
  Product: [2, 0, 0, 0],
  Opportunity: [7, 0, 0, 1],
};

describe('an import that is interrupted', () => {
  it.each(['before', 'after'] as const)(
    'goes on with nothing lost and nothing twice, wherever it died %s a commit',
    async (moment) => {
      await folder.write(FILES());
      const options = { ...(await importOptions(world, 'alpha', folder)), batchSize: 2 };
      await empty('alpha');
      expect(countsOf(await runImport(options))).toEqual(EXPECTED);
      const expected = await recordsOf('alpha');
      const rejects = await Promise.all(
        ['accounts', 'sales_pipeline'].map((name) => folder.readRejects(`${name}.rejects.csv`)),
      );

      let deaths = 0;
      for (let nth = 1; ; nth += 1) {
        await empty('alpha');
        const session = dyingAt(options.session, nth, moment);
        const died = await runImport({ ...options, session }).then(
          () => false,
          (error: Error) => error.message === 'The power is cut.',
        );
        if (!died) break;
        deaths += 1;
        const report = await runImport(options);
        // Died after the very last commit, the run was finished and starts over: all is as it was.
        const again = Object.values(countsOf(report)).every(([created]) => created === 0);
        if (!again) expect(countsOf(report)).toEqual(EXPECTED);
        expect(await recordsOf('alpha')).toEqual(expected);
        expect(
          await Promise.all(
            ['accounts', 'sales_pipeline'].map((name) => folder.readRejects(`${name}.rejects.csv`)),
          ),
        ).toEqual(rejects);
      }
      expect(deaths).toBeGreaterThan(12);
    },
  );

  it('stops after the batch when it is asked to, and tells where it goes on', async () => {
    await folder.write(pipelineFiles(14));
    await empty('beta');
    const options = { ...(await importOptions(world, 'beta', folder)), batchSize: 5 };
    let rows = 0;
    const stopped = await runImport({
      ...options,
      onProgress: (progress) => {
        rows = progress.rows;
      },
      shouldStop: () => rows >= 11,
    });
    expect(stopped.state).toBe('interrupted');
    expect(countsOf(stopped)['Opportunity']).toEqual([5, 0, 0, 0]);
    const resumed: unknown[] = [];
    const finished = await runImport({ ...options, onResume: (...where) => resumed.push(where) });
    expect(resumed).toEqual([['sales_pipeline.csv', 11]]);
    expect(finished.state).toBe('finished');
    expect(countsOf(finished)['Opportunity']).toEqual([14, 0, 0, 0]);
  });

  it('begins anew when told to, and when a file has changed meanwhile', async () => {
    const options = { ...(await importOptions(world, 'gamma', folder)), batchSize: 2 };
    const interrupt = async (): Promise<void> => {
      await empty('gamma');
      await folder.write(pipelineFiles(6));
      const session = dyingAt(options.session, 12, 'after');
      await expect(runImport({ ...options, session })).rejects.toThrow('The power is cut.');
    };
    await interrupt();
    const resumed: string[] = [];
    const onResume = (file: string): void => void resumed.push(file);
    const restarted = await runImport({ ...options, onResume, restart: true });
    expect(countsOf(restarted)['User']).toEqual([0, 0, 2, 0]);

    await interrupt();
    await folder.write(pipelineFiles(7));
    const changed = await runImport({ ...options, onResume });
    expect(countsOf(changed)['User']).toEqual([0, 0, 2, 0]);
    expect(resumed).toEqual([]);
  });

  it('refuses to go on when another process has taken up the same import', async () => {
    await folder.write(pipelineFiles(14));
    await empty('beta');
    const options = { ...(await importOptions(world, 'beta', folder)), batchSize: 5 };
    let other: unknown;
    let begun = false;
    const first = runImport({
      ...options,
      shouldStop: () => false,
      session: {
        async transaction(work) {
          const result = await options.session.transaction(work);
          if (!begun) {
            begun = true;
            // The other one takes the run up and finishes it while the first pauses.
            other = await runImport(await importOptions(world, 'beta', folder));
          }
          return result;
        },
      },
    });
    await expect(first).rejects.toMatchObject({ code: 'CONFLICT' });
    expect(other).toMatchObject({ state: 'finished' });
  });
});
