/** What an admin does about who may sign in: invitations, lost devices, sessions to be ended. */
import { ID, type ClassType } from 'type-graphql';
import { unauthenticated } from '../../errors';
import { defineArgsType, defineInputType, type FieldDeclarations } from '../../graphql/define-type';
import { defineResolver, type ResolverMap } from '../../graphql/define-resolver';
import { invalidError, notFoundError, type UserError } from '../../graphql/user-errors';
import { parseTypeId } from '../../lib/type-id';
import type { RequestContext } from '../../request/context';
import type { Kind, KindRow, KindSet } from '../kind/kind';
import { createKindMutations } from '../kind/kind-mutations';
import type { KindReader } from '../kind/kind-reader';
import type { KindTypes } from '../kind/kind-types';
import type { KindWriter } from '../kind/kind-writer';

export interface UserAccessDeps {
  readonly kinds: KindSet;
  readonly user: Kind;
  readonly types: KindTypes;
  readonly reader: KindReader;
  readonly writer: KindWriter;
  readonly resolvers: ResolverMap;
}

interface UserPayload {
  readonly user: KindRow | null;
  readonly userErrors: readonly UserError[];
}

interface Change {
  readonly name: string;
  readonly input: ClassType;
  readonly returns: ClassType;
  readonly description: string;
  readonly resolve: (ctx: RequestContext, input: never) => Promise<object>;
}

const FOR_ADMINS = { rule: 'admin' } as const;

export function defineUserAccessResolver(deps: UserAccessDeps): ClassType {
  const { types, resolvers } = deps;
  return defineResolver({ type: types.record, name: 'UserAccess' }, resolvers, (builder) => {
    for (const { name, input, returns, description, resolve } of changesOf(deps)) {
      builder.mutation<{ input: never }>({
        name,
        returns: () => returns,
        args: defineArgsType(`${name}Arguments`, {
          input: { type: () => input, description: 'What to do.' },
        }),
        description,
        extensions: FOR_ADMINS,
        resolve: (_source, { input: given }, ctx) => resolve(ctx, given),
      });
    }
  });
}

function changesOf({ kinds, user, types, reader, writer }: UserAccessDeps): Change[] {
  const mutations = createKindMutations(kinds, user, writer);
  const refuse = (...userErrors: UserError[]): UserPayload => ({ user: null, userErrors });
  const nobody = () => refuse(notFoundError(['id'], 'user'));

  /** Runs work on a user of the organisation; any other id is answered as one that is absent. */
  async function withUser(
    ctx: RequestContext,
    { id }: { readonly id: string },
    work: (row: KindRow) => Promise<UserPayload>,
  ): Promise<UserPayload> {
    const uuid = parseTypeId(user.idPrefix, id);
    const row = uuid === undefined ? null : await reader.byId(ctx, user, uuid);
    return row === null ? nobody() : work(row);
  }

  const tenantOf = ({ principal }: RequestContext): string => {
    if (principal === undefined) throw unauthenticated();
    return principal.tenantId;
  };
  const notInvited = () =>
    refuse(invalidError(['id'], 'Expected a user who is invited; this one has accepted.'));

  return [
    {
      name: 'inviteUser',
      input: defineInputType('InviteUserInput', invitationFields(types), 'Who is to join.'),
      returns: types.payload,
      description:
        'Makes a user without a password and mails them a link, good once and for seven days, by which they choose one.',
      async resolve(ctx, input: Readonly<Record<string, unknown>>) {
        const made = (await mutations.create(ctx, {
          ...input,
          status: 'invited',
        })) as unknown as UserPayload;
        if (made.user !== null) {
          await ctx.auth.invitations.send({ tenantId: tenantOf(ctx), userId: made.user.id });
        }
        return made;
      },
    },
    {
      name: 'resendInvitation',
      input: userInput('ResendInvitationInput', 'A user who has not accepted yet.'),
      returns: types.payload,
      description: 'Mails a new link to an invited user; the earlier one stops working.',
      resolve: (ctx, input: { id: string }) =>
        withUser(ctx, input, async (row) => {
          if (row['status'] !== 'invited') return notInvited();
          await ctx.auth.invitations.send({ tenantId: tenantOf(ctx), userId: row.id });
          return { user: row, userErrors: [] };
        }),
    },
    {
      name: 'cancelInvitation',
      input: userInput('CancelInvitationInput', 'A user who has not accepted yet.'),
      returns: types.payload,
      description: 'Takes an invitation back: the link stops working and the user is deleted.',
      resolve: (ctx, input: { id: string }) =>
        withUser(ctx, input, async (row) =>
          row['status'] === 'invited'
            ? ((await mutations.delete(ctx, input)) as unknown as UserPayload)
            : notInvited(),
        ),
    },
    {
      name: 'resetUserMfa',
      input: userInput('ResetUserMfaInput', 'Who has lost device and recovery codes.'),
      returns: types.payload,
      description:
        'Takes a user’s second factor away and ends their sessions: they sign in with the password alone.',
      resolve: (ctx, input: { id: string }) =>
        withUser(ctx, input, async (row) => {
          if (row.id === ctx.principal?.userId) {
            const remedy =
              'Users take away their own second factor by disableMfa, with the password.';
            return refuse(invalidError(['id'], remedy));
          }
          await ctx.auth.secondFactor.reset({ tenantId: tenantOf(ctx), userId: row.id });
          return { user: row, userErrors: [] };
        }),
    },
    {
      name: 'revokeUserSessions',
      input: userInput('RevokeUserSessionsInput', 'Who is to be signed out.'),
      returns: types.payload,
      description: 'Ends all sessions of a user, on every device. They may sign in again.',
      resolve: (ctx, input: { id: string }) =>
        withUser(ctx, input, async (row) => {
          await ctx.auth.revokeSessionsOfUser(tenantOf(ctx), row.id, 'revoked');
          return { user: row, userErrors: [] };
        }),
    },
  ];
}

const userInput = (name: string, description: string): ClassType =>
  defineInputType(
    name,
    { id: { type: () => ID, description: 'Which user.', extensions: { idOf: 'User' } } },
    description,
  );

const invitationFields = (types: KindTypes): FieldDeclarations => ({
  name: { type: () => types.inputOf('name'), description: 'Full name.' },
  email: {
    type: () => types.inputOf('email'),
    description: 'Address the link goes to, and to sign in with.',
  },
  role: {
    type: () => types.inputOf('role'),
    nullable: true,
    description: 'What the user may do; a member when left out.',
  },
});
