/** Statements and round trips of one request, with the counter before Postgres. */
import { startStatementCounter, type StatementCounts } from './statement-counter';
import type { QueryId } from './queries';
import type { Target } from './targets';
import { askAll } from './verify';

export interface RequestCounts {
  readonly statements: number;
  readonly transactionStatements: number;
  readonly roundTrips: number;
}

const WARM_UP_REQUESTS = 20;
const COUNTED_REQUESTS = 20;

export async function countStatements(
  target: Target,
): Promise<ReadonlyMap<QueryId, RequestCounts>> {
  const counter = await startStatementCounter(target.world.postgresPort);
  try {
    const server = await target.start(counter.port);
    try {
      const found = new Map<QueryId, RequestCounts>();
      for (const [query, requests] of await target.prepare(server)) {
        await askAll(server.port, cycle(requests, WARM_UP_REQUESTS));
        counter.reset();
        await askAll(server.port, cycle(requests, COUNTED_REQUESTS));
        found.set(query, perRequest(counter.counts));
      }
      return found;
    } finally {
      await server.stop();
    }
  } finally {
    await counter.close();
    await target.world.removeCreated();
  }
}

const cycle = <T>(items: readonly T[], count: number): T[] =>
  Array.from({ length: count }, (_, index) => items[index % items.length] as T);

const perRequest = (counts: StatementCounts): RequestCounts => ({
  statements: counts.statements / COUNTED_REQUESTS,
  transactionStatements: counts.transactionStatements / COUNTED_REQUESTS,
  roundTrips: counts.roundTrips / COUNTED_REQUESTS,
});
