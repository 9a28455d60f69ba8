import { limitError, UserFaults } from '../../../graphql/user-errors';
import type { Write } from './run-write';

/** Asked once they are written: the transaction is rolled back with them. @throws UserFaults */
export async function refuseBeyondPlan({ context, kind }: Write, created: number): Promise<void> {
  const { services, tx } = context;
  const what = kind.table === 'users' ? 'users' : 'records';
  const refusal = await services.refusalOfPlan?.(tx, what, created);
  if (refusal !== undefined) throw new UserFaults([limitError([], refusal)]);
}
