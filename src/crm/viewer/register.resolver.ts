import { Arg, Ctx, Extensions, Mutation, Resolver } from 'type-graphql';
import type { FieldExtensions } from '../../graphql/extensions';
import { withUserErrors } from '../../graphql/user-errors';
import { MINUTE } from '../../lib/duration';
import type { RegistrationRequest, RequestContext } from '../../request/context';
import { RegisterInput } from './register.input';
import { toLoginPayload } from './viewer.payloads';
import { SessionPayload } from './viewer.type';

/** Many at once wait for each other; whoever has waited so long repeats it later. */
const REGISTERED_WITHIN_MS = MINUTE;
const PUBLIC: FieldExtensions = { rule: 'public' };

@Resolver(() => SessionPayload)
export class RegisterResolver {
  @Mutation(() => SessionPayload, {
    description:
      'Makes an organisation with its first admin, and signs the admin in. Repeat it with the same input after a failure: it goes on where it stood.',
  })
  @Extensions(PUBLIC)
  register(
    @Arg('input', () => RegisterInput, { description: 'The organisation and its admin.' })
    input: RegisterInput,
    @Ctx() { extendDeadline, registration, remoteAddress, userAgent }: RequestContext,
  ): Promise<SessionPayload> {
    extendDeadline(REGISTERED_WITHIN_MS);
    const client = { ip: remoteAddress, userAgent };
    return withUserErrors(
      async () => toLoginPayload(await registration.register(toRequest(input), client)),
      NOTHING,
    );
  }
}

const NOTHING: SessionPayload = { userErrors: [] };

function toRequest({ plan, region, database, ...required }: RegisterInput): RegistrationRequest {
  const { url, migrationUrl } = database ?? {};
  return {
    ...required,
    ...(typeof plan === 'string' ? { plan } : {}),
    ...(typeof region === 'string' ? { region } : {}),
    ...(url === undefined
      ? {}
      : { database: { url, ...(typeof migrationUrl === 'string' ? { migrationUrl } : {}) } }),
  };
}
