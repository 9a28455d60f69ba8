/** What went wrong with a registration that whoever registers can mend, at the field it is about. */
import { AddressRefused } from '../../database/address-guard';
import { ConnectionUrlError } from '../../database/connection-url';
import { isConnectionLoss } from '../../database/postgres-errors';
import { MigrationError } from '../../database/migrate-database';
import { isAppError } from '../../errors';
import { conflictError, invalidError, UserFaults } from '../../graphql/user-errors';
import { DataSourceRefused } from '../../tenancy/add-data-source';
import type { Placement } from '../../tenancy/registry.store';
import { NoRoom } from './steps';

/** @returns undefined for what is ours to mend. */
export function explainRefusal(error: unknown, placement: Placement): UserFaults | undefined {
  if (error instanceof NoRoom) {
    return new UserFaults([
      conflictError(
        ['placement'],
        'has no room at the moment: choose another one, or ask whoever runs the service',
      ),
    ]);
  }
  if (error instanceof UserFaults) return error;
  if (placement !== 'byo') return undefined;
  const message = messageOf(error);
  return message === undefined
    ? undefined
    : new UserFaults([invalidError(['database', 'url'], message)]);
}

/** Of errors about the customer's own database; the messages tell no secret and no address. */
function messageOf(error: unknown): string | undefined {
  if (error instanceof DataSourceRefused || error instanceof ConnectionUrlError)
    return error.message;
  if (error instanceof MigrationError) return error.message;
  if (error instanceof AddressRefused) return error.message;
  if (isAppError(error)) {
    return error.code === 'TENANT_UNAVAILABLE' ? error.message : undefined;
  }
  return isConnectionLoss(error) ? 'The database cannot be reached.' : undefined;
}
