/**
 * Who operates the platform: the same for the command line and the platform API. Whatever changes is
 * audited under the actor's name. What is wrong with the input is thrown as `UserFaults`.
 */
import type { Knex } from 'knex';
import { uuidv7 } from 'uuidv7';
import { z } from 'zod';
import { normalizeEmail } from '../../auth/email-address';
import type { OperatorRole } from '../../auth/operator-principal';
import { newPasswordFault, type Passwords } from '../../auth/passwords';
import { conflictError, invalidError, notFoundError, UserFaults } from '../../graphql/user-errors';
import { actingAs } from '../../tenancy/acting-as';
import {
  findOperator,
  findOperatorByEmail,
  insertOperator,
  lockActiveOwners,
  revokeSessionsOfOperator,
  updateOperator,
  type OperatorRow,
} from './operators.store';

export interface OperatorsDependencies {
  readonly registryDb: Knex;
  readonly passwords: Passwords;
  /** Told of sessions that ended, so that they end at once in this process. */
  readonly onSessionsEnded?: (sessionIds: readonly string[]) => void;
}

export interface NewOperator {
  readonly email: string;
  readonly name: string;
  readonly role: OperatorRole;
  readonly password: string;
}

export interface Operators {
  create(actor: string, operator: NewOperator): Promise<OperatorRow>;
  /** Nobody is disabled who is the last owner: no one would be left to decide who operates. */
  disable(actor: string, operatorId: string): Promise<OperatorRow>;
  enable(actor: string, operatorId: string): Promise<OperatorRow>;
  setRole(actor: string, operatorId: string, role: OperatorRole): Promise<OperatorRow>;
  /** Ends all sessions of the operator, who gets the new password from whoever set it. */
  resetPassword(actor: string, operatorId: string, password: string): Promise<OperatorRow>;
}

const MAX_NAME = 200;

export function createOperators(deps: OperatorsDependencies): Operators {
  const { registryDb, passwords, onSessionsEnded = () => undefined } = deps;

  /** Changes one operator, and ends their sessions where a reason for that is given. */
  async function change(
    actor: string,
    id: string,
    work: (trx: Knex.Transaction, operator: OperatorRow) => Promise<void>,
    ending?: 'operator_disabled' | 'password_changed',
  ): Promise<OperatorRow> {
    const { operator, ended } = await actingAs(registryDb, actor, async (_registry, trx) => {
      // Before the operator is looked at: who takes another owner away at the same time waits here.
      await lockActiveOwners(trx);
      const before = await findOperator(trx, id);
      if (before === undefined) throw new UserFaults([notFoundError(['id'], 'operator')]);
      await work(trx, before);
      const ended = ending === undefined ? [] : await revokeSessionsOfOperator(trx, id, ending);
      return { operator: (await findOperator(trx, id)) ?? before, ended };
    });
    onSessionsEnded(ended);
    return operator;
  }

  return {
    async create(actor, { email, name, role, password }) {
      refuseFaults({ email, name, password });
      const passwordHash = await passwords.hash(password);
      return actingAs(registryDb, actor, async (_registry, trx) => {
        const key = normalizeEmail(email);
        if ((await findOperatorByEmail(trx, key)) !== undefined) {
          throw new UserFaults([conflictError(['email'], 'There is such an operator already.')]);
        }
        const id = uuidv7();
        await insertOperator(trx, { id, email: key, name: name.trim(), role, passwordHash });
        return getOperator(trx, id);
      });
    },

    disable: (actor, id) =>
      change(
        actor,
        id,
        async (trx, operator) => {
          await refuseLastOwner(trx, operator);
          await updateOperator(trx, id, { status: 'disabled' });
        },
        'operator_disabled',
      ),

    enable: (actor, id) =>
      change(actor, id, (trx) => updateOperator(trx, id, { status: 'active' })),

    setRole: (actor, id, role) =>
      change(actor, id, async (trx, operator) => {
        if (role !== 'owner') await refuseLastOwner(trx, operator);
        await updateOperator(trx, id, { role });
      }),

    async resetPassword(actor, id, password) {
      refuseFaults({ password });
      const passwordHash = await passwords.hash(password);
      return change(
        actor,
        id,
        (trx) => updateOperator(trx, id, { passwordHash }),
        'password_changed',
      );
    },
  };
}

async function getOperator(trx: Knex.Transaction, id: string): Promise<OperatorRow> {
  const operator = await findOperator(trx, id);
  if (operator === undefined) throw new Error('The operator was written but is not found.');
  return operator;
}

async function refuseLastOwner(trx: Knex.Transaction, { id }: OperatorRow): Promise<void> {
  const owners = await lockActiveOwners(trx);
  if (owners.length !== 1 || owners[0] !== id) return;
  throw new UserFaults([
    conflictError(['id'], 'This is the last owner: make another operator an owner first.'),
  ]);
}

function refuseFaults({ email, name, password }: Partial<NewOperator>): void {
  const faults = [];
  if (email !== undefined && !z.email().safeParse(email.trim()).success) {
    faults.push(invalidError(['email'], 'Expected an e-mail address.'));
  }
  if (name !== undefined && (name.trim() === '' || name.trim().length > MAX_NAME)) {
    faults.push(invalidError(['name'], `Expected 1 to ${MAX_NAME} characters.`));
  }
  const fault = password === undefined ? undefined : newPasswordFault(password);
  if (fault !== undefined) faults.push(invalidError(['password'], `password ${fault}.`));
  if (faults.length > 0) throw new UserFaults(faults);
}
