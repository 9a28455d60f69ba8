/**
 * Makes tenants: a state machine in the registry whose steps may be repeated.
 *
 * A registration is a row that says which step comes next, leased to one process at a time. Killed
 * anywhere, it is gone on with where it stood: by the person who repeats it with the same address
 * and password, or by the sweeper, which also takes back what cannot be finished. Until the last
 * step the tenant is there in name only, which keeps its slug: nobody can sign in to it.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { DatabaseError } from 'pg';
import { uuidv7 } from 'uuidv7';
import { createEmailIndexKeyOf, normalizeEmail } from '../../auth/email-address';
import { createHashingGate } from '../../auth/hashing-gate';
import type { Passwords } from '../../auth/passwords';
import { describeConnectionFault } from '../../database/connection-fault';
import { isConnectionLoss } from '../../database/postgres-errors';
import { AppError, internalError, isAppError, tenantUnavailable } from '../../errors';
import { conflictError, UserFaults } from '../../graphql/user-errors';
import { DAY, HOUR, SECOND } from '../../lib/duration';
import { SILENT, type Log } from '../../lib/log';
import { settleAll } from '../../lib/settle-all';
import { actingAs } from '../../tenancy/acting-as';
import type { Placement } from '../../tenancy/registry.store';
import { explainRefusal } from './explain-refusal';
import { prepareServers } from './prepare-servers';
import {
  createProvisioningStore,
  LeaseLost,
  reserve,
  STEPS,
  type ProvisioningRow,
} from './provisioning.store';
import { formatInputs, parseInputs, randomRolePassword } from './registration-inputs';
import { removeTenant } from './remove-tenant';
import { ACTOR, createSteps, type StepDependencies, type Work } from './steps';

export interface ProvisioningDependencies extends StepDependencies {
  readonly passwords: Passwords;
  readonly log?: Log;
}

export interface RegistrationSpec {
  readonly slug: string;
  readonly name: string;
  readonly plan: string;
  readonly placement: Placement;
  readonly region?: string;
  readonly admin: { readonly name: string; readonly email: string; readonly password: string };
  /** The customer's own database, for placement `byo`. */
  readonly byo?: { readonly url: string; readonly migrationUrl?: string };
  /** Where it goes, if that is not to be chosen. */
  readonly dataSourceId?: string;
  /** What it is called there, if it was there first. */
  readonly tenantIdInDataSource?: string;
  /** Who asks for it, where that is not the person who registers. */
  readonly actor?: string;
}

export interface SweepReport {
  readonly finished: number;
  readonly removed: number;
  readonly failed: number;
}

export interface Provisioning {
  /**
   * @returns the id of a tenant that is ready. The spec's form has been checked.
   * @throws UserFaults for what whoever registers can mend, OVERLOADED when too many wait already,
   *   TENANT_UNAVAILABLE when a server is down: the registration is kept then, to be repeated or swept.
   */
  register(spec: RegistrationSpec): Promise<string>;
  /** Goes on with one. @returns false when it has ended or somebody works at it. */
  resume(id: string): Promise<boolean>;
  /** One round: finishes what was left, takes back what has failed too often or for too long. */
  sweep(): Promise<SweepReport>;
}

/** Each has two connections outside the pools at most. */
const AT_ONCE = 4;
const MAX_WAITING = 200;
const MAX_ATTEMPTS = 10;
const GIVE_UP_AFTER_MS = HOUR;
const KEEP_ENDED_MS = 30 * DAY;
const SWEPT_AT_ONCE = 2;
const SWEPT_IN_A_ROUND = 100;
const PAUSES_MS = [SECOND / 4, SECOND];
const UNIQUE_VIOLATION = '23505';

export function createProvisioning(deps: ProvisioningDependencies): Provisioning {
  const { tenancy, passwords, emailIndexKey, log = SILENT } = deps;
  const store = createProvisioningStore(tenancy.registryDb);
  const steps = createSteps(deps);
  const keyOf = createEmailIndexKeyOf(emailIndexKey);
  const gate = createHashingGate({ maxConcurrent: AT_ONCE, maxWaiting: MAX_WAITING });

  const inputsOf = async (row: ProvisioningRow): Promise<Work['inputs']> =>
    parseInputs(await tenancy.secretBox.open(...sealedAt(row.tenantId), row.inputsSealed));

  /** Whatever step it stands at, to the end. */
  async function run(row: ProvisioningRow): Promise<void> {
    const inputs = await inputsOf(row);
    let current = row;
    for (const [index, step] of STEPS.entries()) {
      if (index < STEPS.indexOf(row.step as (typeof STEPS)[number])) continue;
      deps.onProgress?.(step);
      const work = { row: current, inputs };
      const known = await told(row, step, () => patiently(row.placement, () => steps[step](work)));
      deps.onProgress?.(`${step} done`);
      const next = STEPS[index + 1];
      if (next === undefined) return;
      await store.save(current, { ...known, step: next });
      current = { ...current, ...known, step: next };
    }
  }

  async function remove(row: ProvisioningRow): Promise<void> {
    await store.save(row, { step: 'remove' });
    await told(row, 'remove', async () =>
      removeTenant(tenancy, { row, inputs: await inputsOf(row) }),
    );
  }

  async function told<T>({ tenantId }: ProvisioningRow, step: string, work: () => Promise<T>) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof LeaseLost)) {
        log.warn({ tenantId, step, err: error }, 'a registration came to a halt');
      }
      throw error;
    }
  }

  /** What it throws has been kept with the registration. */
  async function attempt(row: ProvisioningRow, work: (row: ProvisioningRow) => Promise<void>) {
    try {
      await work(row);
    } catch (error) {
      if (error instanceof LeaseLost) throw takenOver(error);
      // The registry may be what is down: the lease runs out by itself then.
      await store.failed(row, faultOf(error)).catch(() => undefined);
      throw error;
    }
  }

  async function begin(spec: RegistrationSpec): Promise<ProvisioningRow> {
    const { admin, byo } = spec;
    const emailHmac = keyOf(normalizeEmail(admin.email));
    // The slug's own constraint decides; this spares what is not to be made.
    if ((await tenancy.registry.findTenantBySlug(spec.slug)) !== undefined) {
      return takeUp(spec, emailHmac);
    }
    const tenantId = uuidv7();
    const inputsSealed = await tenancy.secretBox.seal(
      ...sealedAt(tenantId),
      formatInputs({
        adminName: admin.name,
        email: admin.email,
        passwordHash: await passwords.hash(admin.password),
        ownerPassword: randomRolePassword(),
        appPassword: randomRolePassword(),
        ...(byo === undefined ? {} : { byo }),
      }),
    );
    const reservation = {
      tenantId,
      slug: spec.slug,
      name: spec.name,
      plan: spec.plan,
      region: spec.region ?? 'default',
      placement: spec.placement,
      tenantIdInDataSource: spec.tenantIdInDataSource ?? tenantId,
      dataSourceId: spec.dataSourceId ?? null,
      emailHmac,
      inputsSealed,
    };
    try {
      const held = await actingAs(tenancy.registryDb, spec.actor ?? ACTOR, (_registry, trx) =>
        reserve(trx, reservation),
      );
      return {
        ...reservation,
        ...held,
        step: 'place',
        serverId: null,
        databaseName: null,
        attempts: 1,
        createdAt: new Date(),
      };
    } catch (error) {
      if ((error as { readonly code?: unknown }).code !== UNIQUE_VIOLATION) throw error;
      await tenancy.secretBox.destroyKeysOf({ kind: 'tenant', id: tenantId });
      return takeUp(spec, emailHmac);
    }
  }

  /** A repetition by whoever began it; for anybody else the slug is taken. */
  async function takeUp({ slug, admin }: RegistrationSpec, emailHmac: Buffer) {
    const taken = new UserFaults([conflictError(['slug'], 'is taken: choose another one')]);
    const known = await store.findRunning(slug);
    if (known === undefined || known.step === 'remove') throw taken;
    if (!known.emailHmac.equals(emailHmac)) throw taken;
    const { passwordHash } = await inputsOf(known);
    if (!(await passwords.verify(passwordHash, admin.password))) throw taken;
    await store.hasten(known.id);
    const claimed = await store.claim(known.id);
    if (claimed !== undefined) return claimed;
    throw new UserFaults([conflictError(['slug'], 'is being set up: sign in in a moment')]);
  }

  return {
    register: (spec) =>
      gate.run(async () => {
        const row = await begin(spec).catch((error: unknown) => {
          throw publicErrorOf(error);
        });
        try {
          await attempt(row, run);
          return row.tenantId;
        } catch (error) {
          const refusal = explainRefusal(error, row.placement);
          if (refusal === undefined) throw publicErrorOf(error);
          // Whoever registers mends it and begins anew: nothing is kept, nor the slug.
          await store.hasten(row.id);
          const claimed = await store.claim(row.id);
          if (claimed !== undefined) await attempt(claimed, remove).catch(() => undefined);
          throw refusal;
        }
      }),

    async resume(id) {
      const row = await store.claim(id);
      if (row === undefined) return false;
      await gate.run(() => attempt(row, row.step === 'remove' ? remove : run));
      return true;
    },

    async sweep() {
      const report = { finished: 0, removed: 0, failed: 0 };
      const due = await store.listDue(SWEPT_IN_A_ROUND);
      await settleAll(due, SWEPT_AT_ONCE, async (id) => {
        const row = await store.claim(id);
        if (row === undefined) return;
        const hopeless =
          row.attempts > MAX_ATTEMPTS || Date.now() - row.createdAt.getTime() > GIVE_UP_AFTER_MS;
        const removing = hopeless || row.step === 'remove';
        try {
          await gate.run(() => attempt(row, removing ? remove : run));
          report[removing ? 'removed' : 'finished'] += 1;
        } catch {
          report.failed += 1; // kept with the registration, and logged
        }
      });
      await prepareServers(tenancy, log);
      await store.forgetBefore(new Date(Date.now() - KEEP_ENDED_MS));
      return report;
    },
  };
}

/** A server of ours that is short of breath is given a moment; a customer is told of theirs at once. */
async function patiently<T>(placement: Placement, work: () => Promise<T>): Promise<T> {
  for (const pauseMs of placement === 'byo' ? [] : PAUSES_MS) {
    try {
      return await work();
    } catch (error) {
      const passing = isAppError(error)
        ? error.details['reason'] === 'DATA_SOURCE_UNREACHABLE'
        : isConnectionLoss(error);
      if (!passing) throw error;
      await delay(pauseMs);
    }
  }
  return work();
}

const sealedAt = (tenantId: string) =>
  [
    { kind: 'tenant', id: tenantId },
    { rowId: tenantId, column: 'inputs_sealed' },
  ] as const;

const takenOver = (cause: unknown): AppError =>
  new AppError('CONFLICT', 'The registration is finished by somebody else: sign in in a moment.', {
    cause,
  });

function publicErrorOf(error: unknown): Error {
  if (isAppError(error) || error instanceof UserFaults) return error;
  if (isConnectionLoss(error)) return tenantUnavailable('DATA_SOURCE_UNREACHABLE', error);
  return internalError('A step of a registration failed.', error);
}

/** For operators, in the registry: what went wrong, without values of whoever registers. */
function faultOf(error: unknown): string {
  if (error instanceof DatabaseError) return `${error.code ?? ''} ${error.message}`;
  if (isAppError(error)) return `${error.code}: ${error.message}`;
  if (isConnectionLoss(error)) return describeConnectionFault(error);
  return error instanceof Error ? error.name : 'unknown';
}
