/** Self-service: what whoever registers may ask for, how often, and what they get. */
import { z } from 'zod';
import type { AuthService } from '../auth/auth.service';
import { consume, createMemoryLimiter, limiterKey, type CreateLimiter } from '../auth/limiters';
import { networkOf } from '../auth/login-limits';
import type { LoginOutcome } from '../auth/login';
import { newPasswordFault } from '../auth/passwords';
import { AppError, rateLimited } from '../errors';
import { invalidError, UserFaults, type UserError } from '../graphql/user-errors';
import { HOUR, SECOND } from '../lib/duration';
import type { Registration, RegistrationRequest } from '../request/context';
import { dataSourcePreflight } from '../tenancy/preflight/data-source-preflight';
import type { Tenancy } from '../tenancy/tenancy';
import { findPlan, type Plan } from './plans/plans.store';
import type { Provisioning } from './provisioning/provisioning';

export interface RegistrationDependencies {
  readonly tenancy: Pick<Tenancy, 'registryDb' | 'addressGuard'>;
  readonly auth: Pick<AuthService, 'login'>;
  readonly provisioning: Pick<Provisioning, 'register'>;
  /** Of one address; 0 closes registration. */
  readonly perAddressPerHour: number;
  /** One that processes share; each counts by itself without it. */
  readonly createLimiter?: CreateLimiter;
}

/** Names that a tenant's address must not be mistaken for. */
const RESERVED_SLUGS = new Set(
  (
    'about account accounts admin administrator api app apps assets auth billing blog cdn cloister ' +
    'console contact dashboard dev docs demo email explorer ftp graphql health healthz help imap info ' +
    'internal localhost login logout mail metrics mx new ns ns1 ns2 operator operators platform pop ' +
    'postmaster public readyz register registry root security signin signup smtp ssl staging static ' +
    'status support system tenant tenants test tls webhook webhooks www'
  ).split(' '),
);
export const SELF_SERVICE_PLAN = 'trial';
const SLUG = /^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$/;

export function createRegistration(deps: RegistrationDependencies): Registration {
  const {
    tenancy,
    auth,
    provisioning,
    perAddressPerHour,
    createLimiter = createMemoryLimiter,
  } = deps;
  const limiter = createLimiter({
    name: 'registration',
    points: Math.max(1, perAddressPerHour),
    windowSeconds: HOUR / SECOND,
  });

  return {
    async register(request, client): Promise<LoginOutcome> {
      if (perAddressPerHour === 0) throw closed();
      const waitSeconds = await consume(limiter, limiterKey(networkOf(client.ip)));
      if (waitSeconds !== undefined) throw rateLimited(waitSeconds);
      const plan = await findPlan(tenancy.registryDb, request.plan ?? SELF_SERVICE_PLAN);
      refuseFaults(request, plan);
      await refuseUnfitDatabase(tenancy, request);
      const { slug, organisation, name, password, placement, region, database } = request;
      const email = request.email.trim();
      await provisioning.register({
        slug,
        name: organisation.trim(),
        plan: request.plan ?? SELF_SERVICE_PLAN,
        placement,
        ...(region === undefined ? {} : { region }),
        ...(database === undefined ? {} : { byo: database }),
        admin: { name: name.trim(), email, password },
      });
      return auth.login({ email, password, tenantSlug: slug, client });
    },
  };
}

const closed = (): AppError =>
  new AppError(
    'FORBIDDEN',
    'Registration is closed here: ask whoever runs the service for an organisation.',
  );

/** All of them at once. @throws UserFaults. */
function refuseFaults(request: RegistrationRequest, plan: Plan | undefined): void {
  const { slug, organisation, name, email, password, placement, database } = request;
  const passwordFault = newPasswordFault(password);
  const told: (readonly [field: string[], fault: string | false | undefined])[] = [
    [['organisation'], !isName(organisation) && 'takes 1 to 200 characters'],
    [
      ['slug'],
      !SLUG.test(slug) &&
        'takes 3 to 63 lower-case letters, digits and hyphens, with a letter or digit at both ends',
    ],
    [['slug'], RESERVED_SLUGS.has(slug) && 'is reserved: choose another one'],
    [['name'], !isName(name) && 'takes 1 to 200 characters'],
    [['email'], !isEmail(email) && 'is not an e-mail address'],
    [['password'], passwordFault],
    [['plan'], plan?.selfService !== true && 'is none that one can choose when registering'],
    [
      ['placement'],
      plan?.selfService === true &&
        !plan.placements.includes(placement) &&
        `is not part of the plan, which has ${plan.placements.join(', ').toUpperCase()}`,
    ],
    [['database'], (placement === 'byo') !== (database !== undefined) && DATABASE_FAULT],
  ];
  const faults = told.flatMap(([field, fault]): UserError[] =>
    typeof fault === 'string' ? [invalidError(field, fault)] : [],
  );
  if (faults.length > 0) throw new UserFaults(faults);
}

/** Before anything is stored: what is wrong with the customer's database, with the SQL that mends it. */
async function refuseUnfitDatabase(
  tenancy: Pick<Tenancy, 'addressGuard'>,
  { database, placement }: RegistrationRequest,
): Promise<void> {
  if (database === undefined) return;
  const { findings } = await dataSourcePreflight(tenancy, { placement, ...database });
  const faults = findings
    .filter(({ status }) => status === 'failed')
    .map(({ detail, remedy, sql }) =>
      invalidError(
        ['database', 'url'],
        [`${detail}.`, remedy, sql].filter((part) => part !== null).join(' '),
      ),
    );
  if (faults.length > 0) throw new UserFaults(faults);
}

const DATABASE_FAULT = 'belongs to placement BYO, and to no other';

/** Nothing that a terminal, a mail header or a log would take for something else than text. */
const isName = (text: string): boolean =>
  text.trim().length >= 1 && text.trim().length <= 200 && !/\p{Cc}/u.test(text);

const isEmail = (text: string): boolean =>
  text.length <= 254 && z.email().safeParse(text.trim()).success;
