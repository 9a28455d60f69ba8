/**
 * Writes rows together and, when some cannot be written, finds out which: these are refused and the
 * rest is written. All within one transaction, by savepoints.
 */
import type { SqlRunner } from '../database/statement';
import type { WriteContext } from '../crm/kind/kind-writer';
import { UserFaults, type UserError } from '../graphql/user-errors';

export type Written<R> = { readonly result: R } | { readonly reason: string };

const SAVEPOINT = 'import_rows';

/**
 * @param write writes all rows or throws UserFaults, whose paths begin with a row's index where the
 *   fault is known to be that row's.
 * @returns as many answers as rows, in their order.
 */
export async function writeIsolated<T, R>(
  context: WriteContext,
  rows: readonly T[],
  write: (context: WriteContext, rows: readonly T[]) => Promise<readonly R[]>,
): Promise<Written<R>[]> {
  if (rows.length === 0) return [];
  const { tx } = context;
  // What an attempt leaves for after the commit is forgotten together with it.
  const followUps: (() => Promise<void>)[] = [];
  const attempt = {
    ...context,
    afterCommit: (work: () => Promise<void>) => void followUps.push(work),
  };
  await run(tx, `savepoint ${SAVEPOINT}`);
  let faults: UserFaults;
  try {
    const results = await write(attempt, rows);
    await run(tx, `release savepoint ${SAVEPOINT}`);
    for (const followUp of followUps) context.afterCommit(followUp);
    return results.map((result) => ({ result }));
  } catch (error) {
    if (!(error instanceof UserFaults)) throw error;
    await run(tx, `rollback to savepoint ${SAVEPOINT}`);
    await run(tx, `release savepoint ${SAVEPOINT}`);
    faults = error;
  }
  const reasons = reasonsByRow(faults, rows.length);
  if (reasons.size > 0) {
    const rest = rows.filter((_, index) => !reasons.has(index));
    const written = (await writeIsolated(context, rest, write)).values();
    return rows.map((_, index) => {
      const reason = reasons.get(index);
      return reason === undefined ? next(written) : { reason };
    });
  }
  // The database refused the statement without saying for which row: halves tell.
  const half = Math.ceil(rows.length / 2);
  return [
    ...(await writeIsolated(context, rows.slice(0, half), write)),
    ...(await writeIsolated(context, rows.slice(half), write)),
  ];
}

const run = (tx: SqlRunner, text: string): Promise<unknown[]> => tx.query({ text, values: [] });

function next<R>(written: Iterator<Written<R>, undefined>): Written<R> {
  const { value } = written.next();
  if (value === undefined) throw new Error('Expected as many answers as rows.');
  return value;
}

function reasonsByRow({ userErrors }: UserFaults, rows: number): Map<number, string> {
  const reasons = new Map<number, string>();
  for (const error of userErrors) {
    const [place = ''] = error.field;
    // A single row's faults are its own, whatever the path.
    const index = rows === 1 ? 0 : /^\d+$/.test(place) ? Number(place) : rows;
    if (index >= rows) continue;
    const known = reasons.get(index);
    reasons.set(index, known === undefined ? explain(error) : `${known}; ${explain(error)}`);
  }
  return reasons;
}

function explain({ field, message }: UserError): string {
  const path = field.filter((step) => !/^\d+$/.test(step)).join('.');
  const last = field.at(-1) ?? '';
  const text = message.replace(/\.$/, '');
  return path === '' || text.startsWith(last) ? text : `${path}: ${text}`;
}
