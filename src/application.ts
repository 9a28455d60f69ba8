/** One server process put together: tenancy, authentication, API, HTTP. Holds no logic of its own. */
import type { Logger } from 'pino';
import { Registry, collectDefaultMetrics } from 'prom-client';
import { createAuthService } from './auth/auth.service';
import { createPasswords } from './auth/passwords';
import { createBackground } from './background';
import type { Config } from './config';
import type { Statement } from './database/statement';
import { traceRootFields } from './graphql/trace-root-fields';
import type { DataSource } from './tenancy/directory';
import { recordInbound } from './crm/communication/record-inbound';
import { buildCrmSchema } from './crm/crm-schema';
import { createContextFactory } from './request/create-context';
import { createFollowUpWork, type FollowUpWork } from './lib/follow-up-work';
import { createMailer, type Mailer } from './mail/mailer';
import { createEmailIndex, createTenantAccess, createTenantSecrets } from './request/tenant-access';
import { createInboundMessages } from './platform/inbound-messages';
import type { Jobs } from './platform/jobs/jobs';
import { createPlatformApi } from './platform/api/create-platform-api';
import { createProvisioning } from './platform/provisioning/provisioning';
import { createTenantPlans } from './platform/plans/tenant-plans';
import { createRegistration } from './platform/registration';
import { createTracing } from './server/tracing/tracing';
import { createHttpServer, createPlatformServer, type HttpServer } from './server/http-server';
import { createSharedLimiters } from './tenancy/shared-limiters';
import { createTenancyMetrics } from './tenancy/tenancy-metrics';
import { createTenancy, type Tenancy, type TenancyOptions } from './tenancy/tenancy';

export interface Application {
  readonly http: HttpServer;
  /** The operators' API where it listens alone; otherwise it is a part of `http`. */
  readonly platformHttp: HttpServer | undefined;
  readonly tenancy: Tenancy;
  readonly jobs: Jobs;
  /** What answers did not wait for, such as mails. */
  readonly followUps: FollowUpWork;
  /** Drains HTTP first, then closes what requests used. */
  close(): Promise<void>;
}

export interface ApplicationOptions extends Pick<TenancyOptions, 'onStatement' | 'resolveTxt'> {
  readonly config: Config;
  readonly logger: Logger;
  /** The explorer page offers the demo's users. */
  readonly demo?: boolean;
  /** Refused log-ins are answered at multiples of this; shorter in tests. */
  readonly refusalBeatMs?: number;
  /** Mails go to whatever the configuration says, unless to this. */
  readonly mailer?: Mailer;
}

export async function createApplication(options: ApplicationOptions): Promise<Application> {
  const { config, logger, onStatement, demo = false, refusalBeatMs } = options;
  const metricsRegistry = new Registry();
  collectDefaultMetrics({ register: metricsRegistry });
  const metrics = createTenancyMetrics(metricsRegistry);
  const tracing = config.tracing === undefined ? undefined : await createTracing(config.tracing);
  const tenancy = createTenancy(config, {
    tracer: tracing?.tracer,
    onLease: metrics.observeLease,
    onAnswer: (dataSource, seconds, statement) => {
      metrics.observeStatement(dataSource, seconds);
      tracing?.tracer.past('statement', factsOf(dataSource, statement), seconds);
    },
    ...(onStatement === undefined ? {} : { onStatement }),
    ...(options.resolveTxt === undefined ? {} : { resolveTxt: options.resolveTxt }),
  });
  metrics.watch(tenancy);
  const passwords = createPasswords();
  const followUps = createFollowUpWork({ log: logger });
  const mailer = options.mailer ?? createMailer(config.mail, logger);
  if (config.mode === 'production' && config.mail.smtpUrl === undefined) {
    const { folder } = config.mail;
    logger.warn(
      { folder },
      'MAIL_SMTP_URL is not set: mails are written to files, and nobody gets them',
    );
  }
  const limiters = createSharedLimiters(tenancy.registryDb);
  const auth = createAuthService({
    config: config.auth,
    emailIndex: createEmailIndex(tenancy),
    access: createTenantAccess(tenancy),
    secrets: createTenantSecrets(tenancy),
    passwords,
    createLimiter: limiters.create,
    deliverMail: mailer.deliver,
    followUps,
    publicUrl: config.publicUrl,
    ...(refusalBeatMs === undefined ? {} : { refusalBeatMs }),
  });

  const provisioning = createProvisioning({
    tenancy,
    passwords,
    emailIndexKey: config.auth.emailIndexKey,
    log: logger,
  });
  const plans = createTenantPlans(tenancy);
  const jobs = createBackground({
    config,
    tenancy,
    provisioning,
    plans,
    logger,
    metricsRegistry,
  });
  const registration = createRegistration({
    tenancy,
    auth,
    provisioning,
    perAddressPerHour: config.limits.registrationsPerHour,
    createLimiter: limiters.create,
  });

  const platform = await createPlatformApi({
    config,
    tenancy,
    passwords,
    services: { provisioning, jobs },
    createLimiter: limiters.create,
    ...(refusalBeatMs === undefined ? {} : { refusalBeatMs }),
  });
  const readiness = async () => {
    const registry = await tenancy.registryDb.raw('select 1').then(
      () => 'ok',
      () => 'unreachable',
    );
    // Known tenants go on without the registry, so its absence is told and does not take us out.
    return { ready: true, checks: { registry } };
  };
  const schema = await buildCrmSchema();
  const http = await createHttpServer({
    config,
    logger,
    schema: tracing === undefined ? schema : traceRootFields(schema, tracing.tracer),
    createContext: createContextFactory({
      config,
      tenancy,
      auth,
      passwords,
      registration,
      plans,
      logger,
    }),
    readiness,
    metricsRegistry,
    tracing,
    receiveMessage: createInboundMessages({ tenancy, record: recordInbound }),
    explorer: { demo },
    ...(config.platform === undefined ? { platform } : {}),
  });
  const platformHttp =
    config.platform === undefined
      ? undefined
      : await createPlatformServer(platform, config.platform, {
          config,
          logger,
          readiness,
          tracing,
        });

  jobs.start();

  return {
    http,
    platformHttp,
    tenancy,
    jobs,
    followUps,
    async close() {
      // At once: both wait for what runs.
      await Promise.all([http.close(), platformHttp?.close(), jobs.stop()]);
      await followUps.close();
      await plans.close();
      mailer.close();
      limiters.close();
      await tenancy.close();
      await tracing?.close();
    },
  };
}

/** Of a statement its name, where it has one: its text may be long, and its values are the tenant's. */
const factsOf = ({ name: dataSource }: Pick<DataSource, 'name'>, { name }: Statement) => ({
  'db.system.name': 'postgresql',
  'cloister.data_source': dataSource,
  ...(name === undefined ? {} : { 'cloister.statement': name }),
});
