/**
 * A mutation of the operators' API: one `input`, a payload with what was changed, and `userErrors` for
 * what the operator can mend. Who did it is in `context.actor`, which the services write to the audit log.
 */
import type { ClassType } from 'type-graphql';
import type { OperatorRole } from '../../../auth/operator-principal';
import {
  defineArgsType,
  defineInputType,
  defineObjectType,
  type FieldDeclarations,
} from '../../../graphql/define-type';
import { defineResolver } from '../../../graphql/define-resolver';
import { UserError, withUserErrors } from '../../../graphql/user-errors';
import type { PlatformContext } from '../platform-context';
import type { SchemaParts } from '../schema-parts';
import { toUserFaults } from './user-faults';

/** The input as the schema lets it through: what is nullable may be absent or null. */
export interface PlatformMutation<I = never> {
  readonly name: string;
  readonly description: string;
  readonly rule: OperatorRole;
  readonly input: FieldDeclarations;
  /** What the payload has beside `userErrors`; every field nullable. */
  readonly payload: FieldDeclarations;
  readonly run: (context: PlatformContext, input: I) => Promise<Readonly<Record<string, unknown>>>;
}

/** Lets each mutation state the type of its input, and a list hold them all. */
export const mutation = <I>(given: PlatformMutation<I>): PlatformMutation => given;

export function defineMutationResolver(
  { resolvers }: SchemaParts,
  { name, description, rule, input, payload, run }: PlatformMutation,
): ClassType {
  const Name = name.charAt(0).toUpperCase() + name.slice(1);
  const inputType = defineInputType(`${Name}Input`, input, description);
  const payloadType = defineObjectType(
    `${Name}Payload`,
    {
      ...payload,
      userErrors: { type: () => [UserError], description: 'What the input has wrong.' },
    },
    { description: `What became of \`${name}\`.` },
  );
  return defineResolver<PlatformContext>(
    { type: payloadType, name: `${Name}Payload` },
    resolvers,
    (builder) => {
      builder.mutation<{ input: never }>({
        name,
        returns: () => payloadType,
        args: defineArgsType(`${Name}Arguments`, {
          input: { type: () => inputType, description: 'What to do.' },
        }),
        description,
        extensions: { rule },
        resolve: (_source, { input: given }, context) =>
          withUserErrors(() => toUserFaults(run(context, given)), {}),
      });
    },
  );
}
