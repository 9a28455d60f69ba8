/** What tenants of a fleet ask, and asking it over one or several server processes. */
import { jsonRequest, openHttpConnection } from '../http-connection';
import { runLoad } from '../load';
import type { Fleet, WorkingTenant } from './fleet';
import { Tally, type Summary } from './latencies';

export type Question = 'account' | 'page' | 'nested' | 'create';

const DOCUMENTS: Readonly<Record<Question, string>> = {
  account: 'query ($id: ID!) { account(id: $id) { id name industry } }',
  page: '{ accounts(first: 20) { nodes { id name industry } } }',
  nested:
    '{ accounts(first: 20) { nodes { id name contacts(first: 5) { nodes { id fullName email } } } } }',
  create: `mutation ($input: CreateContactInput!) {
    createContact(input: $input) { contact { id } userErrors { message } } }`,
};

export function questionOf(
  { tokens }: Fleet,
  tenant: WorkingTenant,
  question: Question,
  serial = 0,
): Buffer {
  const id = tenant.accountIds[serial % tenant.accountIds.length];
  const variables =
    question === 'account'
      ? { id }
      : question === 'create'
        ? { input: { firstName: 'Ada', lastName: 'Benchmarked', accountId: id } }
        : {};
  return jsonRequest(
    '/graphql',
    { authorization: `Bearer ${tokens.get(tenant.index) ?? ''}` },
    { query: DOCUMENTS[question], variables },
  );
}

/** What ordinary work is made of, of a hundred requests. */
const MIX: readonly (readonly [Question, number])[] = [
  ['account', 55],
  ['page', 30],
  ['nested', 10],
  ['create', 5],
];

/** @param random from 0 to 1. */
export function mixedQuestion(random: number): Question {
  let left = random * 100;
  for (const [question, share] of MIX) {
    left -= share;
    if (left < 0) return question;
  }
  return 'account';
}

export interface Drive {
  readonly ports: readonly number[];
  readonly requests: readonly Buffer[];
  /** Names what a request counts for; all count for one without it. */
  readonly groupOf?: (requestIndex: number) => string;
  /** Which of the ports a request goes to; each goes to all of them in turn without it. */
  readonly portOf?: (requestIndex: number) => number;
  /** Over all ports together. */
  readonly connections: number;
  readonly seconds: number;
  readonly everyMs?: number;
  readonly signal: AbortSignal;
}

export interface Driven extends Summary {
  readonly groups: Readonly<Record<string, Summary>>;
}

/** Connections are spread over the processes as a load balancer would, in turn. */
export async function drive(spec: Drive): Promise<Driven> {
  const all = new Tally();
  const groups = new Map<string, Tally>();
  const results = await Promise.all(
    spec.ports.map((port, at) => {
      const connections = share(spec.connections, spec.ports.length, at);
      const indexes = indexesFor(spec, at);
      return runLoad({
        port,
        requests: indexes.map((index) => spec.requests[index] as Buffer),
        connections,
        seconds: spec.seconds,
        signal: spec.signal,
        ...(spec.everyMs === undefined ? {} : { everyMs: spec.everyMs }),
        check: (answer, index, _full, milliseconds) => {
          all.add(answer, milliseconds);
          if (spec.groupOf === undefined) return;
          const name = spec.groupOf(indexes[index] ?? 0);
          const tally = groups.get(name) ?? new Tally();
          tally.add(answer, milliseconds);
          groups.set(name, tally);
        },
      });
    }),
  );
  const elapsed = Math.max(...results.map(({ elapsedSeconds }) => elapsedSeconds));
  return {
    ...all.summary(elapsed),
    groups: Object.fromEntries([...groups].map(([name, tally]) => [name, tally.summary(elapsed)])),
  };
}

/** Of the requests that a process is asked; without a rule another part of the sequence comes first. */
function indexesFor({ requests, portOf, ports }: Drive, at: number): readonly number[] {
  const all = [...requests.keys()];
  if (portOf !== undefined) return all.filter((index) => portOf(index) % ports.length === at);
  const from = Math.floor((at * all.length) / ports.length);
  return [...all.slice(from), ...all.slice(0, from)];
}

const share = (total: number, parts: number, at: number): number =>
  Math.floor(total / parts) + (at < total % parts ? 1 : 0);

/** Puts each request once, in order, so many at once. @returns milliseconds and answers by request. */
export async function visit(
  port: number,
  requests: readonly Buffer[],
  atOnce: number,
  signal: AbortSignal,
): Promise<Driven> {
  const tally = new Tally();
  const begunAt = performance.now();
  const queue = requests.values();
  await Promise.all(
    Array.from({ length: Math.min(atOnce, requests.length) }, async () => {
      const connection = await openHttpConnection(port);
      try {
        for (const request of queue) {
          signal.throwIfAborted();
          const sent = performance.now();
          const answer = await connection.send(request);
          tally.add(answer, performance.now() - sent);
        }
      } finally {
        connection.close();
      }
    }),
  );
  return { ...tally.summary((performance.now() - begunAt) / 1000), groups: {} };
}
