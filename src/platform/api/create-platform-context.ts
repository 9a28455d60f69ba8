/** Makes the context of one request to the operators' API. */
import { unauthenticated } from '../../errors';
import { createLoaderCache, type IncomingRequest } from '../../request/create-context';
import { actorOf } from '../operators/operator-actor';
import type { PlatformContext, PlatformParts } from './platform-context';

export const createPlatformContextFactory =
  (parts: PlatformParts) =>
  async ({
    headers,
    remoteAddress,
    requestId,
    signal,
  }: IncomingRequest): Promise<PlatformContext> => {
    const { authorization, 'user-agent': userAgent } = headers;
    const principal = await parts.auth.authenticate(
      Array.isArray(authorization) ? authorization[0] : authorization,
    );
    return {
      ...parts,
      requestId,
      principal,
      get actor() {
        if (principal === undefined) throw unauthenticated();
        return actorOf(principal);
      },
      loaders: createLoaderCache(),
      remoteAddress,
      userAgent: String(userAgent ?? ''),
      signal,
      end: () => Promise.resolve(),
    };
  };
