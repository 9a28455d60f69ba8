/**
 * Finds the tenant of a telephone number or a host name, from memory before the registry. Host names
 * are known all at once, for every request has one and strangers choose it: an unknown name costs
 * nothing. Numbers are looked up one by one, with those that are nobody's remembered as such.
 *
 * Changes are announced (`expire`); what is known outlives a registry that is down.
 */
import { isAppError, tenantUnavailable } from '../../errors';
import { DAY } from '../../lib/duration';
import { keysetPages } from '../../lib/keyset-pages';
import { Breaker } from '../breaker';
import type { SecretBox } from '../secrets/secret-box';
import { createStaleCache } from '../stale-cache';
import { ownerOfNumber, placeOfSecret } from './phone-numbers';
import type { HostnameRow, PhoneNumberRow, RoutesStore, SigningScheme } from './routes.store';

export interface NumberRoute {
  readonly tenantId: string;
  readonly scheme: SigningScheme;
  readonly secret: string;
}

export interface Routes {
  /** @param number E.164 @throws TENANT_UNAVAILABLE */
  findNumber(number: string): Promise<NumberRoute | undefined>;
  /** Of a verified host name, in lower case. @throws TENANT_UNAVAILABLE */
  findTenantIdByHostname(hostname: string): Promise<string | undefined>;
  /** Something changed: look again. */
  expire(): void;
}

const MAX_NUMBERS = 10_000;
const HOSTNAMES_AT_ONCE = 10_000;

export interface RoutesOptions {
  readonly ttlMs: () => number;
}

export function createRoutes(
  store: Pick<RoutesStore, 'findNumber' | 'listVerifiedHostnames'>,
  secretBox: Pick<SecretBox, 'open'>,
  { ttlMs }: RoutesOptions,
): Routes {
  const cacheOptions = {
    ttlMs,
    staleForMs: DAY,
    breaker: new Breaker({ threshold: 1 }),
    isSourceDown: (error: unknown): boolean =>
      isAppError(error) && error.details['reason'] === 'REGISTRY_UNREACHABLE',
    sourceDown: () => tenantUnavailable('REGISTRY_UNREACHABLE'),
    now: () => performance.now(),
    count: () => undefined,
  };
  // Wrapped, so that "nobody's" is an entry too.
  const numbers = createStaleCache<{ readonly route: NumberRoute | undefined }>({
    ...cacheOptions,
    maxEntries: MAX_NUMBERS,
  });
  const hostnames = createStaleCache<ReadonlyMap<string, string>>({
    ...cacheOptions,
    maxEntries: 1,
  });

  const routeOf = async (row: PhoneNumberRow): Promise<NumberRoute> => ({
    tenantId: row.tenantId,
    scheme: row.scheme,
    secret: await secretBox.open(
      ownerOfNumber(row.tenantId),
      placeOfSecret(row.id),
      row.secretSealed,
    ),
  });

  async function verifiedHostnames(): Promise<ReadonlyMap<string, string>> {
    const known = new Map<string, string>();
    const pages = keysetPages<HostnameRow>(
      (last, limit) => store.listVerifiedHostnames(last?.hostname, limit),
      { pageSize: HOSTNAMES_AT_ONCE },
    );
    for await (const rows of pages) {
      for (const { hostname, tenantId } of rows) known.set(hostname, tenantId);
    }
    return known;
  }

  return {
    async findNumber(number) {
      const found = await numbers.get(number, async () => {
        const row = await fromRegistry(store.findNumber(number));
        return { route: row === undefined ? undefined : await routeOf(row) };
      });
      return found?.route;
    },
    async findTenantIdByHostname(hostname) {
      const known = await hostnames.get('all', () => fromRegistry(verifiedHostnames()));
      return known?.get(hostname);
    },
    expire() {
      numbers.expire();
      hostnames.expire();
    },
  };
}

async function fromRegistry<T>(load: Promise<T>): Promise<T> {
  try {
    return await load;
  } catch (error) {
    throw tenantUnavailable('REGISTRY_UNREACHABLE', error);
  }
}
