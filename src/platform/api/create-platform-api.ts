/** The operators' API put together, ready to be served. */
import type { GraphQLSchema } from 'graphql';
import type { CreateLimiter } from '../../auth/limiters';
import type { Passwords } from '../../auth/passwords';
import type { Config } from '../../config';
import { createCursorCodec } from '../../database/cursors';
import { MINUTE } from '../../lib/duration';
import type { Tenancy } from '../../tenancy/tenancy';
import { createAuditSeal } from '../audit/audit-seal';
import { createOperatorAuth } from '../operators/operator-auth';
import { createOperators } from '../operators/operators.service';
import { createPlatformContextFactory } from './create-platform-context';
import { buildPlatformSchema } from './platform-schema';
import type { PlatformServices } from './platform-services';

export interface PlatformApiDependencies {
  readonly config: Config;
  readonly tenancy: Tenancy;
  readonly passwords: Passwords;
  readonly services: PlatformServices;
  readonly createLimiter?: CreateLimiter;
  readonly refusalBeatMs?: number;
}

export interface PlatformApi {
  readonly schema: GraphQLSchema;
  readonly createContext: ReturnType<typeof createPlatformContextFactory>;
  readonly limits: Config['limits'];
  readonly deadlineMs: number;
}

/** Making a tenant or taking a database into service takes its time. */
const DEADLINE_MS = MINUTE;
/** A tenant's budget would let an operator read the registry a thousand times over. */
const LIMITS = { depth: 8, cost: 10_000, tenantCostPerMinute: 200_000 } as const;

export async function createPlatformApi(deps: PlatformApiDependencies): Promise<PlatformApi> {
  const { config, tenancy, passwords, services, createLimiter, refusalBeatMs } = deps;
  const { registryDb } = tenancy;
  const auth = createOperatorAuth({
    config: config.auth,
    registryDb,
    passwords,
    ...(createLimiter === undefined ? {} : { createLimiter }),
    ...(refusalBeatMs === undefined ? {} : { refusalBeatMs }),
  });
  return {
    schema: await buildPlatformSchema(),
    createContext: createPlatformContextFactory({
      registryDb,
      tenancy,
      cursors: createCursorCodec(config.cursorKey),
      auth,
      operators: createOperators({ registryDb, passwords, onSessionsEnded: auth.forget }),
      auditSeal: createAuditSeal(config.auth.emailIndexKey),
      services,
    }),
    limits: { ...config.limits, ...LIMITS },
    deadlineMs: DEADLINE_MS,
  };
}
