/** Operators sign in, stay in and sign out. */
import type { ClassType } from 'type-graphql';
import { isAppError, unauthenticated } from '../../errors';
import { defineArgsType, defineInputType, defineObjectType } from '../../graphql/define-type';
import { defineResolver } from '../../graphql/define-resolver';
import { DateTimeScalar } from '../../graphql/scalars';
import { invalidError, UserError } from '../../graphql/user-errors';
import type { OperatorSession } from '../operators/operator-auth';
import type { PlatformContext } from './platform-context';
import type { SchemaParts } from './schema-parts';

interface SessionPayload extends Partial<OperatorSession> {
  readonly userErrors: readonly UserError[];
}

const required = (description: string) => ({ type: () => String, description });

const clientOf = ({ remoteAddress, userAgent }: PlatformContext) => ({
  ip: remoteAddress,
  userAgent,
});

export function defineSessionResolver({ set, reader, resolvers, typesOf }: SchemaParts): ClassType {
  const operator = set.get('Operator');
  const { record: operatorType } = typesOf('Operator');
  const payload = defineObjectType(
    'SessionPayload',
    {
      accessToken: {
        type: () => String,
        nullable: true,
        description: 'Send it as `Authorization: Bearer …`. Good for a quarter of an hour.',
      },
      accessTokenExpiresAt: {
        type: () => DateTimeScalar,
        nullable: true,
        description: 'Get a new one before then.',
      },
      refreshToken: {
        type: () => String,
        nullable: true,
        description:
          'Exchanged for a new pair by `refreshSession`, once: a second use ends the session.',
      },
      userErrors: { type: () => [UserError], description: 'What the input has wrong.' },
    },
    { description: 'A session of an operator, or what is wrong with the input.' },
  );
  const logoutPayload = defineObjectType(
    'LogoutPayload',
    { userErrors: { type: () => [UserError], description: 'What the input has wrong.' } },
    { description: 'The session is over.' },
  );
  const argumentsOf = (name: string, fields: Record<string, string>, description: string) => {
    const input = defineInputType(
      `${name}Input`,
      Object.fromEntries(Object.entries(fields).map(([field, words]) => [field, required(words)])),
      description,
    );
    return defineArgsType(`${name}Arguments`, {
      input: { type: () => input, description },
    });
  };

  return defineResolver<PlatformContext>(
    { type: payload, name: 'SessionPayload' },
    resolvers,
    (builder) => {
      builder.field<SessionPayload, object>({
        name: 'operator',
        returns: () => operatorType,
        nullable: true,
        description: 'Who signed in.',
        extensions: { statements: 1 },
        resolve: (session, _args, context) =>
          session.operator === undefined
            ? null
            : reader.byId(context, operator, session.operator.id),
      });
      builder.query<object>({
        name: 'viewer',
        returns: () => operatorType,
        description: 'Who is signed in.',
        extensions: { rule: 'viewer', statements: 1 },
        resolve: (_source, _args, context) => {
          if (context.principal === undefined) throw unauthenticated();
          return reader.byId(context, operator, context.principal.operatorId);
        },
      });
      builder.mutation<{ input: { email: string; password: string } }>({
        name: 'login',
        returns: () => payload,
        args: argumentsOf(
          'Login',
          { email: 'E-mail address of an operator.', password: 'The operator’s password.' },
          'What an operator signs in with.',
        ),
        description: 'Signs an operator in.',
        extensions: { rule: 'public' },
        resolve: (_source, { input }, context) =>
          sessionPayload(context.auth.login({ ...input, client: clientOf(context) })),
      });
      builder.mutation<{ input: { refreshToken: string } }>({
        name: 'refreshSession',
        returns: () => payload,
        args: argumentsOf(
          'RefreshSession',
          { refreshToken: 'The last one that was issued for the session.' },
          'What a session is continued with.',
        ),
        description: 'Exchanges a refresh token for a new pair of tokens. The old one is used up.',
        extensions: { rule: 'public' },
        resolve: (_source, { input }, context) =>
          sessionPayload(context.auth.refresh(input.refreshToken, clientOf(context))),
      });
      builder.mutation<object>({
        name: 'logout',
        returns: () => logoutPayload,
        description: 'Ends the session of the request. One that has ended already is no error.',
        extensions: { rule: 'public' },
        resolve: async (_source, _args, { auth, principal }) => {
          await auth.logout({ principal });
          return { userErrors: [] };
        },
      });
      builder.mutation<{ input: { currentPassword: string; newPassword: string } }>({
        name: 'changePassword',
        returns: () => payload,
        args: argumentsOf(
          'ChangePassword',
          { currentPassword: 'The password until now.', newPassword: 'At least 12 characters.' },
          'A new password, and proof that the operator knows the present one.',
        ),
        description:
          'Changes the operator’s own password and ends all their sessions, but for the new one it answers with.',
        extensions: { rule: 'viewer' },
        resolve: (_source, { input }, context) => {
          if (context.principal === undefined) throw unauthenticated();
          const change = { ...input, client: clientOf(context) };
          return sessionPayload(context.auth.changePassword(context.principal, change));
        },
      });
    },
  );
}

async function sessionPayload(work: Promise<OperatorSession>): Promise<SessionPayload> {
  try {
    return { ...(await work), userErrors: [] };
  } catch (error) {
    // Authentication names the input's field in the details of its error.
    if (!isAppError(error) || error.code !== 'BAD_USER_INPUT') throw error;
    return { userErrors: [invalidError([String(error.details['field'])], error.message)] };
  }
}
