import { limitError, UserFaults } from '../../../graphql/user-errors';
import type { Kind } from '../kind';
import type { Write } from './run-write';

/** As what a plan counts the records of a kind. */
export const countedByPlan = ({ table }: Kind): 'users' | 'records' =>
  table === 'users' ? 'users' : 'records';

/** Asked once they are written: the transaction is rolled back with them. @throws UserFaults */
export async function refuseBeyondPlan({ context, kind }: Write, created: number): Promise<void> {
  const { services, tx } = context;
  const refusal = await services.plan?.refusal(tx, countedByPlan(kind), created);
  if (refusal !== undefined) throw new UserFaults([limitError([], refusal)]);
}
