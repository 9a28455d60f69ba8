/** Work that outlives a request: what operators start by their API, and the audit log's checkpoints. */
import { join } from 'node:path';
import type { Config } from '../config';
import { parseConnectionUrl } from '../database/connection-url';
import { MigrationError } from '../database/migrate-database';
import { AppError, notFound } from '../errors';
import { HOUR } from '../lib/duration';
import { runFleet } from '../tenancy/fleet-run';
import { MoveError } from '../tenancy/move/move-error';
import { listMoves, moveTenant, resumeMove } from '../tenancy/move/move-tenant';
import { PHASES_UNDER_WAY } from '../tenancy/move/moves.store';
import type { TenantRow } from '../tenancy/registry.store';
import { rotateKeys, RotationRefused } from '../tenancy/secrets/rotate-keys';
import type { Tenancy } from '../tenancy/tenancy';
import { createAuditSeal } from './audit/audit-seal';
import { signCheckpoint } from './audit/verify-audit';
import { eraseTenant } from './erasure/erase-tenant';
import { exportTenant } from './export/export-tenant';
import { ExportError } from './export/manifest';
import type { JobData, JobHandler, JobOptions, JobRun } from './jobs/job.port';
import type { Jobs } from './jobs/jobs';

export const OPERATOR_JOBS = {
  move: 'operator.move-tenant',
  rotate: 'operator.rotate-keys',
  migrate: 'operator.migrate-fleet',
  export: 'operator.export-tenant',
  erase: 'operator.erase-tenant',
} as const;

export interface OperatorJobsDependencies {
  readonly config: Config;
  readonly tenancy: Tenancy;
}

/** Whoever runs it may take its time; a job whose process died is run again. */
const LONG: JobOptions = { retryLimit: 2, timeoutMs: 12 * HOUR };
const ALONE: JobOptions = { ...LONG, overlap: 'one' };
/** What is removed from the end of the audit log before it was signed shows by its head alone. */
const CHECKPOINTS = { everySeconds: 300 } as const;
const FLEET = { parallel: 4, maxFailures: 0 } as const;

export function defineOperatorJobs(
  jobs: Pick<Jobs, 'define'>,
  { config, tenancy }: OperatorJobsDependencies,
): void {
  const define = (name: string, options: JobOptions, handler: JobHandler): void =>
    jobs.define(name, (run) => explained(handler(run)), options);

  define(OPERATOR_JOBS.move, LONG, async (run) => {
    const tenantId = text(run, 'tenantId');
    const underWay = (await listMoves(tenancy, tenantId)).some(({ phase }) =>
      PHASES_UNDER_WAY.some((each) => each === phase),
    );
    const options = { tenantId, actor: text(run, 'actor'), signal: run.signal };
    const targetDataSourceId = text(run, 'targetDataSourceId');
    // A job whose process died is run again, and goes on with what was begun.
    const move = underWay
      ? await resumeMove(tenancy, options)
      : await moveTenant(tenancy, {
          ...options,
          targetDataSourceId,
          keepSourceMs: Number(run.data['keepHours']) * HOUR,
        });
    return { moveId: move.id, phase: move.phase, pauseMs: move.pauseMs };
  });

  define(OPERATOR_JOBS.rotate, ALONE, async (run) => {
    const { faults, ...counts } = await rotateKeys(
      tenancy,
      parseConnectionUrl(config.registry.url),
      { actor: text(run, 'actor'), signal: run.signal },
    );
    return { ...counts, faults: faults.length };
  });

  define(OPERATOR_JOBS.migrate, ALONE, async (run) => {
    const dataSources = await tenancy.registry.listDataSources();
    const report = await runFleet(tenancy, dataSources, {
      ...FLEET,
      config,
      startedBy: text(run, 'actor'),
      signal: run.signal,
    });
    const failed = report.outcomes.filter(({ fault }) => fault !== null).length;
    return { dataSources: report.outcomes.length, failed, notBegun: report.notBegun.length };
  });

  define(OPERATOR_JOBS.export, LONG, async (run) => {
    const tenant = await getTenant(tenancy, run);
    const folder = join(config.home, 'exports', `${tenant.slug}-${run.id}`);
    const { tables } = await exportTenant(tenancy, tenant, {
      folder,
      csv: true,
      withSecrets: false,
      signal: run.signal,
    });
    return { folder, tables: tables.length };
  });

  const seal = createAuditSeal(config.auth.emailIndexKey);
  define('audit.checkpoint', { overlap: 'one', recurs: CHECKPOINTS }, () =>
    signCheckpoint(tenancy.registryDb, seal),
  );

  define(OPERATOR_JOBS.erase, LONG, async (run) => {
    const certificate = await eraseTenant(tenancy, {
      tenantId: text(run, 'tenantId'),
      actor: text(run, 'actor'),
    });
    return { erasureId: certificate.erasureId, finishedAt: certificate.finishedAt };
  });
}

function text({ data }: JobRun, name: string): string {
  const value: JobData[string] | undefined = data[name];
  if (typeof value !== 'string') throw new TypeError(`Expected "${name}" in the job, got none.`);
  return value;
}

async function getTenant({ registry }: Tenancy, run: JobRun): Promise<TenantRow> {
  const tenant = await registry.findTenant(text(run, 'tenantId'));
  if (tenant === undefined) throw notFound('tenant');
  return tenant;
}

/** Of a failed job only our public errors keep their words; these are as fit to be told. */
async function explained<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    const refused = [MoveError, MigrationError, ExportError, RotationRefused].some(
      (refusal) => error instanceof refusal,
    );
    throw refused ? new AppError('CONFLICT', (error as Error).message, { cause: error }) : error;
  }
}
