/** One server process put together: tenancy, authentication, API, HTTP. Holds no logic of its own. */
import type { Logger } from 'pino';
import { Registry, collectDefaultMetrics } from 'prom-client';
import { createAuthService } from './auth/auth.service';
import { createPasswords } from './auth/passwords';
import type { Config } from './config';
import { buildCrmSchema } from './crm/crm-schema';
import { createContextFactory } from './request/create-context';
import { createEmailIndex, createTenantAccess } from './request/tenant-access';
import { createHttpServer, type HttpServer } from './server/http-server';
import { createTenancyMetrics } from './tenancy/tenancy-metrics';
import { createTenancy, type Tenancy, type TenancyOptions } from './tenancy/tenancy';

export interface Application {
  readonly http: HttpServer;
  readonly tenancy: Tenancy;
  /** Drains HTTP first, then closes what requests used. */
  close(): Promise<void>;
}

export interface ApplicationOptions extends Pick<TenancyOptions, 'onStatement'> {
  readonly config: Config;
  readonly logger: Logger;
  /** The explorer page offers the demo's users. */
  readonly demo?: boolean;
  /** Refused log-ins are answered at multiples of this; shorter in tests. */
  readonly refusalBeatMs?: number;
}

export async function createApplication(options: ApplicationOptions): Promise<Application> {
  const { config, logger, onStatement, demo = false, refusalBeatMs } = options;
  const metricsRegistry = new Registry();
  collectDefaultMetrics({ register: metricsRegistry });
  const metrics = createTenancyMetrics(metricsRegistry);
  const tenancy = createTenancy(config, {
    onAnswer: metrics.observeStatement,
    ...(onStatement === undefined ? {} : { onStatement }),
  });
  metrics.watch(tenancy);
  const passwords = createPasswords();
  const auth = createAuthService({
    config: config.auth,
    emailIndex: createEmailIndex(tenancy),
    access: createTenantAccess(tenancy),
    passwords,
    ...(refusalBeatMs === undefined ? {} : { refusalBeatMs }),
  });

  const http = await createHttpServer({
    config,
    logger,
    schema: await buildCrmSchema(),
    createContext: createContextFactory({ config, tenancy, auth, passwords }),
    readiness: async () => {
      const registry = await tenancy.registryDb.raw('select 1').then(
        () => 'ok',
        () => 'unreachable',
      );
      // Known tenants go on without the registry, so its absence is told and does not take us out.
      return { ready: true, checks: { registry } };
    },
    metricsRegistry,
    explorer: { demo },
  });

  return {
    http,
    tenancy,
    async close() {
      await http.close();
      await tenancy.close();
    },
  };
}
