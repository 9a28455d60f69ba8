/**
 * What isolation costs: cloister as it ships beside the same server without row-level security, and
 * without stating a tenant, in interleaved rounds. The first is there twice: how far its two figures
 * are apart is how far the others may be believed.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Client } from 'pg';
import { checkOut } from '../checkout';
import { countStatements, type RequestCounts } from '../counting';
import { measure } from '../measure';
import type { Options } from '../options';
import { PROJECT_ROOT } from '../product';
import type { Progress } from '../progress';
import type { QueryId } from '../queries';
import { startAll, verifyAll } from '../start-targets';
import { describeCommit, describeMachine, openFolders } from '../surroundings';
import { createTarget, type Target } from '../targets';
import { createWorld, type World } from '../world';
import { addTo, LABELS, renderIsolation, type IsolationResults } from './isolation-report';
import { buildVariant, UNGUARDED, UNSTATED } from './variants';

export async function runIsolation(
  options: Options,
  progress: Progress,
  signal: AbortSignal,
): Promise<void> {
  const closers: (() => Promise<unknown>)[] = [];
  const { home, temporary, remove } = await openFolders(options);
  closers.push(remove);
  try {
    const { root } = await checkOut('.', join(temporary, 'cloister'), progress, signal);
    const unguarded = await buildVariant(root, join(temporary, 'unguarded'), UNGUARDED);
    const unstated = await buildVariant(root, join(temporary, 'unstated'), UNSTATED);

    const open = async (of: string, folder: string): Promise<World> => {
      progress.say(`A database ${folder} row-level security.`);
      const world = await createWorld({ root: of, home: join(home, folder), options, signal });
      closers.push(() => world.close());
      return world;
    };
    const guardedWorld = await open(root, 'with');
    const openWorld = await open(unguarded, 'without');
    await disableRowSecurity(openWorld);
    if (options.fillOnly) return;

    const settings = { options, home: temporary, signal };
    const targets: readonly Target[] = [
      createTarget('cloister', LABELS.on, guardedWorld, settings),
      createTarget('cloister', LABELS.unguarded, openWorld, settings),
      createTarget('cloister', LABELS.unstated, { ...openWorld, root: unstated }, settings),
      createTarget('cloister', LABELS.again, guardedWorld, settings),
    ];
    const counts: Record<string, Readonly<Partial<Record<QueryId, RequestCounts>>>> = {};
    for (const target of targets.slice(0, 3)) {
      progress.say(`Counting the statements of ${target.label}.`);
      counts[target.label] = Object.fromEntries(await countStatements(target));
    }
    assertStatesNothing(counts[LABELS.unstated] ?? {});
    const started = await startAll(targets, progress, closers);
    verifyAll(started, options);
    progress.say('All give equal data. Measuring.');
    const samples = await measure(started, options, signal, progress);
    const folder = join(PROJECT_ROOT, 'bench', 'results');
    const name = options.quick ? 'quick.isolation' : 'isolation';
    const before = await readFile(join(folder, `${name}.json`), 'utf8').then(
      (text) => JSON.parse(text) as IsolationResults,
      () => undefined,
    );
    const results = addTo(before, {
      preliminary: options.quick,
      date: new Date().toISOString(),
      machine: describeMachine(),
      postgres: guardedWorld.version,
      commit: await describeCommit(),
      rounds: options.rounds,
      seconds: options.secondsPerCell,
      counts,
      samples,
    });
    process.stdout.write(`\n${renderIsolation(results)}\n`);
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, `${name}.json`), `${JSON.stringify(results, undefined, 1)}\n`);
    await writeFile(join(folder, `${name}.md`), `${renderIsolation(results)}\n`);
    progress.say(`Kept in bench/results/${name}.json and ${name}.md.`);
  } finally {
    progress.end();
    for (const close of closers.reverse()) {
      await close().catch((error: unknown) => progress.say(`On the way out: ${String(error)}`));
    }
  }
}

/** On every table of tenants; the policies stay, and nobody asks them. */
async function disableRowSecurity({ adminUrl }: World): Promise<void> {
  const admin = new Client({ connectionString: adminUrl });
  await admin.connect();
  try {
    await admin.query(`
      do $$ declare place regclass; begin
        for place in select oid from pg_class where relnamespace = 'cloister'::regnamespace and relrowsecurity loop
          execute format('alter table %s disable row level security', place);
        end loop;
      end $$`);
  } finally {
    await admin.end();
  }
}

/** Reads of one statement are that statement and nothing else. */
function assertStatesNothing(counts: Readonly<Partial<Record<QueryId, RequestCounts>>>): void {
  for (const query of ['q1', 'q2'] as const) {
    const stated = counts[query]?.transactionStatements ?? 0;
    if (stated === 0) continue;
    throw new Error(
      `Expected the variant to state nothing for ${query}, but got ${stated} statements that do: it has to follow the product.`,
    );
  }
}
