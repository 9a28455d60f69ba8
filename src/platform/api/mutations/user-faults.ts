/** What services refuse, as errors of the input that an operator can mend. */
import { ConnectionUrlError } from '../../../database/connection-url';
import { MigrationError } from '../../../database/migrate-database';
import { isAppError } from '../../../errors';
import {
  conflictError,
  invalidError,
  notFoundError,
  UserErrorCode,
  UserFaults,
  type UserError,
} from '../../../graphql/user-errors';
import { DataSourceRefused } from '../../../tenancy/add-data-source';

/** Their messages say what was expected, what was got and what to do, and hold no secret. */
const REFUSALS = [ConnectionUrlError, DataSourceRefused, MigrationError];

/** Waits for the work; what the operator can mend is thrown as UserFaults, all else as it is. */
export async function toUserFaults<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    const fault = userErrorOf(error);
    throw fault === undefined ? error : new UserFaults([fault]);
  }
}

function userErrorOf(error: unknown): UserError | undefined {
  if (REFUSALS.some((refusal) => error instanceof refusal)) {
    return invalidError([], (error as Error).message);
  }
  if (!isAppError(error)) return undefined;
  const field = typeof error.details['field'] === 'string' ? [error.details['field']] : [];
  switch (error.code) {
    case 'BAD_USER_INPUT':
      return invalidError(field, error.message);
    case 'CONFLICT':
      return conflictError(field, error.message);
    case 'NOT_FOUND':
      return { field, message: error.message, code: UserErrorCode.NOT_FOUND };
    default:
      return undefined;
  }
}

/** The uuid in an id of the input. @throws UserFaults when it is none of this record. */
export function uuidIn(
  parse: (id: string) => string | undefined,
  field: string,
  id: string,
  what: string,
): string {
  const uuid = parse(id);
  if (uuid === undefined) throw new UserFaults([notFoundError([field], what)]);
  return uuid;
}
