/** Words for what the database refused. Names of constraints and tables stay here. */
import type { RowFault } from '../../../database/postgres-errors';
import {
  conflictError,
  invalidError,
  notFoundError,
  type UserError,
} from '../../../graphql/user-errors';
import { columnOf } from '../columns';
import type { Kind } from '../kind';
import { wordingOf } from '../wording';

/** @param path where in the input the record stands. */
export function explainRowFault(kind: Kind, fault: RowFault, path: readonly string[]): UserError {
  const { constraint = '', column } = fault;
  const named = kind.constraints?.[constraint];
  switch (fault.kind) {
    case 'unique':
      if (constraint === `${kind.table}_external_id_key`) {
        return conflictError([...path, 'externalId'], 'externalId is already another record’s.');
      }
      return named === undefined
        ? conflictError(path, 'There is such a record already.')
        : conflictError([...path, named.field], `${named.field} ${named.message}.`);
    case 'referenced':
      return conflictError(
        path,
        `Other records refer to this ${wordingOf(kind).one}: change or purge them first.`,
      );
    case 'reference': {
      const field = fieldOf(kind, constraint, column);
      return notFoundError(field === undefined ? path : [...path, field], 'record');
    }
    default: {
      if (named !== undefined) {
        return invalidError([...path, named.field], `${named.field} ${named.message}.`);
      }
      const field = fieldOf(kind, constraint, column);
      return field === undefined
        ? invalidError(path, 'A value is out of range.')
        : invalidError([...path, field], `${field} is not acceptable.`);
    }
  }
}

/** Postgres names a column's constraint `<table>_<column>_<kind>`. */
function fieldOf(kind: Kind, constraint: string, column: string | undefined): string | undefined {
  const name =
    column ?? constraint.slice(kind.table.length + 1).replace(/_(check|fkey|not_null)$/, '');
  return (
    Object.entries(kind.fields).find(([field, of]) => columnOf(field, of) === name)?.[0] ??
    kind.parents.find((parent) => parent.column === name)?.idField
  );
}
