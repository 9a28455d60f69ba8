import type { OperatorRole } from '../../../auth/operator-principal';
import { UserFaults, conflictError } from '../../../graphql/user-errors';
import type { OperatorRow } from '../../operators/operators.store';
import type { PlatformContext } from '../platform-context';
import { OPERATOR_ROLE } from '../records/operations.record';
import { readAgain, type SchemaParts } from '../schema-parts';
import { idOf, recordField, required, text, uuidOf } from './input-fields';
import { mutation, type PlatformMutation } from './platform-mutation';

/** Who operates is for owners to decide. */
export function operatorMutations(parts: SchemaParts): PlatformMutation[] {
  const payload = { operator: recordField(parts, 'Operator', 'The operator.') };
  const role = required(parts.enumOf(OPERATOR_ROLE), 'What the operator may do.');
  const shown = async (context: PlatformContext, changed: Promise<OperatorRow>) => ({
    operator: await readAgain(parts, context, 'Operator', (await changed).id),
  });
  const idIn = (id: string): string => uuidOf(parts, 'Operator', 'id', id);

  return [
    mutation<{ email: string; name: string; role: OperatorRole; password: string }>({
      name: 'createOperator',
      description: 'Adds an operator, who can sign in with the password at once.',
      rule: 'owner',
      input: {
        email: text('Address to sign in with.'),
        name: text('What the person is called.'),
        role,
        password: text('At least 12 characters; the operator changes it after the first log-in.'),
      },
      payload,
      run: (context, input) => shown(context, context.operators.create(context.actor, input)),
    }),
    mutation<{ id: string }>({
      name: 'disableOperator',
      description:
        'Ends an operator’s sessions, within seconds everywhere, and lets them sign in no more.',
      rule: 'owner',
      input: { id: idOf('operator') },
      payload,
      run: (context, { id }) => {
        const operatorId = idIn(id);
        if (operatorId === context.principal?.operatorId) {
          throw new UserFaults([conflictError(['id'], 'This is you: let another owner do it.')]);
        }
        return shown(context, context.operators.disable(context.actor, operatorId));
      },
    }),
    mutation<{ id: string }>({
      name: 'enableOperator',
      description: 'Lets a disabled operator sign in again.',
      rule: 'owner',
      input: { id: idOf('operator') },
      payload,
      run: (context, { id }) => shown(context, context.operators.enable(context.actor, idIn(id))),
    }),
    mutation<{ id: string; role: OperatorRole }>({
      name: 'setOperatorRole',
      description: 'Changes what an operator may do, within seconds everywhere.',
      rule: 'owner',
      input: { id: idOf('operator'), role },
      payload,
      run: (context, input) =>
        shown(context, context.operators.setRole(context.actor, idIn(input.id), input.role)),
    }),
    mutation<{ id: string; password: string }>({
      name: 'resetOperatorPassword',
      description: 'Gives an operator a new password and ends their sessions.',
      rule: 'owner',
      input: { id: idOf('operator'), password: text('At least 12 characters.') },
      payload,
      run: (context, { id, password }) =>
        shown(context, context.operators.resetPassword(context.actor, idIn(id), password)),
    }),
  ];
}
