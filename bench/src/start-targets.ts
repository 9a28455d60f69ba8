/** Servers that run, with what they are asked and what they answered to it. */
import type { StartedTarget } from './measure';
import type { Options } from './options';
import { residentMegabytes } from './process-figures';
import type { Progress } from './progress';
import type { QueryId } from './queries';
import type { Target } from './targets';
import { askAll, assertEqualAnswers, assertFull, type Answers } from './verify';

export type Started = StartedTarget<QueryId, Target>;

export async function startAll(
  targets: readonly Target[],
  progress: Progress,
  closers: (() => Promise<unknown>)[],
): Promise<readonly Started[]> {
  const started: Started[] = [];
  for (const target of targets) {
    progress.say(`Starting ${target.label}.`);
    const server = await target.start(target.world.postgresPort);
    closers.push(() => server.stop());
    const idleMegabytes = residentMegabytes(server.pid);
    const requests = await target.prepare(server);
    const answers = new Map<QueryId, Answers>();
    for (const [query, asked] of requests) answers.set(query, await askAll(server.port, asked));
    await target.world.removeCreated();
    started.push({ target, server, requests, answers, idleMegabytes });
  }
  return started;
}

/** @throws naming the first that answers otherwise than the first of them, or nothing. */
export function verifyAll(
  started: readonly Started[],
  { queries }: Pick<Options, 'queries'>,
): void {
  const [first] = started;
  for (const query of queries) {
    const reference = first?.answers.get(query) ?? [];
    assertFull(query, reference);
    for (const { target, answers } of started) {
      assertEqualAnswers(query, target.label, answers.get(query) ?? [], reference);
    }
  }
}
