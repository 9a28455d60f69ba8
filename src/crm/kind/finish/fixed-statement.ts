/** Statements that are the same for all requests but for whose records they read: made once. */
import { randomUUID } from 'node:crypto';
import type { FieldNode } from 'graphql';
import type { Sql } from 'sql-template-tag';
import type { Statement } from '../../../database/statement';
import type { Asking } from './finish-scope';

/** Stand for values that each request has of its own. */
const TENANT = randomUUID();
const ID = randomUUID();

const FOR_ANYBODY: Asking = {
  localTenantId: TENANT,
  variables: {},
  decodeCursor: () => {
    throw new Error('Expected no cursor in what is made once for all tenants.');
  },
};

/** Whether the arguments of a field are the same for all requests and all tenants. */
export const hasFixedArguments = ({ arguments: given = [] }: FieldNode): boolean =>
  given.every(
    ({ name, value }) =>
      // A cursor is its tenant's alone.
      name.value !== 'after' &&
      name.value !== 'before' &&
      !JSON.stringify(value).includes('"Variable"'),
  );

export interface Made<Plan> {
  readonly plan: Plan;
  readonly statement: Sql;
}

/** What a statement is made of, and how it is named. */
export interface StatementMaker<Args, Plan> {
  readonly isFixed: boolean;
  readonly make: (args: Args, asking: Asking, id: string) => Made<Plan>;
  readonly name: (statement: Sql) => Statement;
}

export interface Prepared<Plan> {
  readonly plan: Plan;
  readonly statement: Statement;
}

/** @param id of the record that is asked for, where it is one. */
export type PrepareStatement<Args, Plan> = (
  args: Args,
  asking: Asking,
  id?: string,
) => Prepared<Plan>;

export function preparing<Args, Plan>({
  isFixed,
  make,
  name,
}: StatementMaker<Args, Plan>): PrepareStatement<Args, Plan> {
  const prepare = (args: Args, asking: Asking, id: string): Prepared<Plan> => {
    const { plan, statement } = make(args, asking, id);
    return { plan, statement: name(statement) };
  };
  if (!isFixed) return (args, asking, id = '') => prepare(args, asking, id);
  let made: Prepared<Plan> | undefined;
  return (args, { localTenantId }, id = '') => {
    made ??= prepare(args, FOR_ANYBODY, ID);
    const values = made.statement.values.map((value) => {
      if (value === TENANT) return localTenantId;
      return value === ID ? id : value;
    });
    const { text, name } = made.statement;
    return {
      plan: made.plan,
      statement: name === undefined ? { text, values } : { text, name, values },
    };
  };
}
