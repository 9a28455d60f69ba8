/** Runs the statements of a write; what the database refuses becomes a user's mistake. */
import type { Sql } from 'sql-template-tag';
import { RowFault } from '../../../database/postgres-errors';
import type { SqlRunner, Statement } from '../../../database/statement';
import { conflictError, UserFaults, type UserError } from '../../../graphql/user-errors';
import type { Kind, RuleContext } from '../kind';
import { nameShaped } from '../statement-names';
import { explainRowFault } from './explain-row-fault';
import type { WriteScope } from './write-sql';

/** Where in the input a record stands, for the paths of user errors. */
export type PathOf = (index: number) => readonly string[];

/** Records of one kind being written, within a transaction. */
export interface Write extends WriteScope {
  readonly context: RuleContext;
}

/**
 * The database refused one of several records and does not say which: the error's path names none
 * of them. Writing them one by one in another transaction tells.
 */
export class UnlocatedFault extends UserFaults {}

/** Another transaction took away what this one had just found. */
export const overtaken = (path: readonly string[]): UserError =>
  conflictError(path, 'Another change came in between: try again.');

/** @throws UserFaults at the path of the record that is written. */
export const runWrite = <Row>(
  { context, kind }: Write,
  statement: Sql,
  path: readonly string[] = [],
): Promise<Row[]> =>
  explained<Row>(context.tx, nameShaped(statement), (fault) => faultsOf(kind, fault, path));

/** @throws UserFaults at the path of a single record, UnlocatedFault for one of several. */
export const runBatch = <Row>(
  { context, kind }: Write,
  statement: Statement,
  { count, pathOf }: { readonly count: number; readonly pathOf: PathOf },
): Promise<Row[]> =>
  explained<Row>(context.tx, statement, (fault) =>
    count === 1
      ? faultsOf(kind, fault, pathOf(0))
      : new UnlocatedFault([explainRowFault(kind, fault, [])]),
  );

const faultsOf = (kind: Kind, fault: RowFault, path: readonly string[]): UserFaults =>
  new UserFaults([explainRowFault(kind, fault, path)]);

async function explained<Row>(
  tx: SqlRunner,
  statement: Statement,
  explain: (fault: RowFault) => UserFaults,
): Promise<Row[]> {
  try {
    return await tx.query<Row>(statement);
  } catch (error) {
    throw error instanceof RowFault ? explain(error) : error;
  }
}

/** Faults of the work stand at one path, whatever field of a record they are about. */
export async function withFaultsAt<T>(path: readonly string[], work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof UserFaults)) throw error;
    throw new UserFaults(
      error.userErrors.map((fault): UserError => ({ ...fault, field: [...path] })),
    );
  }
}
