/** Makes the context of one request to the operators' API. */
import type { OperatorPrincipal } from '../../auth/operator-principal';
import { unauthenticated } from '../../errors';
import { createLoaderCache } from '../../request/loader-cache';
import { single, type IncomingRequest } from '../../request/tenant-context';
import { actorOf } from '../operators/operator-actor';
import type { PlatformContext, PlatformParts } from './platform-context';

export const createPlatformContextFactory =
  (parts: PlatformParts) =>
  async (request: IncomingRequest): Promise<PlatformContext> => {
    const { headers, remoteAddress, requestId, signal } = request;
    const principal = await parts.auth.authenticate(single(headers['authorization']));
    return Object.assign(new ActingOperator(principal), parts, {
      requestId,
      loaders: createLoaderCache(),
      remoteAddress,
      userAgent: single(headers['user-agent']) ?? '',
      signal,
      end: () => Promise.resolve(),
    });
  };

/** A class, since an object's own accessor would be called for the copy that Apollo makes. */
class ActingOperator {
  constructor(readonly principal: OperatorPrincipal | undefined) {}

  get actor(): string {
    if (this.principal === undefined) throw unauthenticated();
    return actorOf(this.principal);
  }
}
