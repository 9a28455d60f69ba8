import { Arg, Ctx, Extensions, Mutation, Query, Resolver } from 'type-graphql';
import { isAppError } from '../../errors';
import type { FieldExtensions } from '../../graphql/extensions';
import {
  conflictError,
  invalidError,
  notFoundError,
  UserFaults,
  withUserErrors,
} from '../../graphql/user-errors';
import type { RequestContext } from '../../request/context';
import { Hostname, HostnameInput, HostnamePayload, RemoveHostnamePayload } from './hostname.type';

const ADMIN: FieldExtensions = { rule: 'admin' };

@Resolver(() => Hostname)
export class HostnameResolver {
  @Query(() => [Hostname], { description: 'The organisation’s host names, claimed and verified.' })
  @Extensions(ADMIN)
  hostnames(@Ctx() { hostnames }: RequestContext): Promise<Hostname[]> {
    return hostnames.list();
  }

  @Mutation(() => HostnamePayload, {
    description: 'Claims a host name. Publish its record, point the name here, and verify it.',
  })
  @Extensions(ADMIN)
  addHostname(
    @Arg('input', () => HostnameInput, { description: 'The name to claim.' })
    { hostname }: HostnameInput,
    @Ctx() { hostnames }: RequestContext,
  ): Promise<HostnamePayload> {
    return payloadOf(() => hostnames.add(hostname));
  }

  @Mutation(() => HostnamePayload, {
    description: 'Looks for the record of a claimed host name and, where it is, puts it into use.',
  })
  @Extensions(ADMIN)
  verifyHostname(
    @Arg('input', () => HostnameInput, { description: 'The name that was claimed.' })
    { hostname }: HostnameInput,
    @Ctx() { hostnames }: RequestContext,
  ): Promise<HostnamePayload> {
    return payloadOf(() => hostnames.verify(hostname));
  }

  @Mutation(() => RemoveHostnamePayload, { description: 'Gives a host name up.' })
  @Extensions(ADMIN)
  removeHostname(
    @Arg('input', () => HostnameInput, { description: 'The name to give up.' })
    { hostname }: HostnameInput,
    @Ctx() { hostnames }: RequestContext,
  ): Promise<RemoveHostnamePayload> {
    return withUserErrors<Pick<RemoveHostnamePayload, 'removedHostname'>>(async () => {
      await hostnames.remove(hostname).catch(toUserFault);
      return { removedHostname: hostname };
    }, {});
  }
}

const payloadOf = (work: () => Promise<Hostname>): Promise<HostnamePayload> =>
  withUserErrors<Pick<HostnamePayload, 'hostname'>>(
    async () => ({ hostname: await work().catch(toUserFault) }),
    {},
  );

/** What lies behind the port knows no GraphQL: it names the input's field in the error's details. */
function toUserFault(error: unknown): never {
  if (!isAppError(error) || typeof error.details['field'] !== 'string') throw error;
  const field = [error.details['field']];
  if (error.code === 'NOT_FOUND') throw new UserFaults([notFoundError(field, 'host name')]);
  const make = error.code === 'CONFLICT' ? conflictError : invalidError;
  throw new UserFaults([make(field, error.message)]);
}
