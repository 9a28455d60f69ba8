/** What holds before a record is written (values) and after (rules that ask the database). */
import { invalidError, UserFaults, type UserError } from '../../../graphql/user-errors';
import { toColumnValues } from '../columns';
import type { Fault, KindRow, Values, Written } from '../kind';
import type { PathOf, Write } from './run-write';
import { validateValues } from './validate-values';
import type { ColumnValues } from './write-sql';

export interface Preparation {
  /** Required fields must be there. */
  readonly creating: boolean;
  /** The records as they are, where they are known. */
  readonly befores?: readonly (KindRow | undefined)[];
}

/** Collects what is wrong with each of several records. */
function collectFaults(pathOf: PathOf) {
  const errors: UserError[] = [];
  return {
    at(index: number): Fault {
      return (field, message) => {
        const path = typeof field === 'string' ? [field] : field;
        errors.push(invalidError([...pathOf(index), ...path], `${path.join('.')} ${message}.`));
      };
    },
    /** @throws UserFaults when there are any. */
    assertNone(): void {
      if (errors.length > 0) throw new UserFaults(errors);
    },
  };
}

/** Values checked, columns derived: ready to be written. @throws UserFaults */
export async function prepare(
  { kind, context: { actorId, services } }: Write,
  records: readonly Values[],
  pathOf: PathOf,
  { creating, befores = [] }: Preparation,
): Promise<ColumnValues[]> {
  const faults = collectFaults(pathOf);
  for (const [index, values] of records.entries()) {
    validateValues(kind, values, creating, faults.at(index));
    kind.rules.validate?.(values, befores[index], faults.at(index), actorId);
  }
  faults.assertNone();
  const columns: ColumnValues[] = [];
  // One after the other: what a kind derives can be expensive (a password's hash), and a batch must
  // not take all the places there are for that.
  for (const values of records) {
    columns.push({
      ...toColumnValues(kind, values),
      ...(await kind.rules.derive?.(values, services)),
    });
  }
  return columns;
}

/** @param pathOf by the index in `written`. @throws UserFaults */
export async function checkRules(
  { kind, context }: Write,
  written: readonly (Written | undefined)[],
  pathOf: PathOf,
): Promise<void> {
  const { check } = kind.rules;
  if (check === undefined) return;
  const faults = collectFaults(pathOf);
  for (const [index, one] of written.entries()) {
    if (one !== undefined) await check(context, one, faults.at(index));
  }
  faults.assertNone();
}

/** The record was deleted or purged: the kind's own consequences. @throws UserFaults */
export async function checkRemoved(
  { kind, context }: Write,
  rows: readonly KindRow[],
  pathOf: PathOf,
): Promise<void> {
  const errors: UserError[] = [];
  for (const [index, row] of rows.entries()) {
    await kind.rules.removed?.(context, row, (message) =>
      errors.push(invalidError(pathOf(index), message)),
    );
  }
  if (errors.length > 0) throw new UserFaults(errors);
}

/** Two records of one external id in one statement would be refused as a whole. @throws UserFaults */
export function refuseRepeated(records: readonly Values[], pathOf: PathOf): void {
  const faults = collectFaults(pathOf);
  const seen = new Set<unknown>();
  for (const [index, { externalId }] of records.entries()) {
    if (seen.has(externalId)) faults.at(index)('externalId', 'occurs more than once');
    seen.add(externalId);
  }
  faults.assertNone();
}
