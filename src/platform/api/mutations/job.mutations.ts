import { ID } from 'type-graphql';
import {
  conflictError,
  invalidError,
  notFoundError,
  UserFaults,
} from '../../../graphql/user-errors';
import type { TenantRow } from '../../../tenancy/registry.store';
import type { JobData } from '../../jobs/job.port';
import { OPERATOR_JOBS } from '../../operator-jobs';
import type { PlatformContext } from '../platform-context';
import { readAgain, type SchemaParts } from '../schema-parts';
import { idOf, optionalInt, recordField, required, text, uuidOf } from './input-fields';
import { mutation, type PlatformMutation } from './platform-mutation';

const KEEP_HOURS = 24;
const MAX_KEEP_HOURS = 168;

/** What takes longer than a request: each starts a job and answers with it. */
export function jobMutations(parts: SchemaParts): PlatformMutation[] {
  const payload = {
    job: recordField(parts, 'Job', 'The job; ask for it again to see how it stands.'),
  };
  const begin = async (context: PlatformContext, name: string, data: JobData) => {
    const id = await context.services.jobs.enqueue(name, { ...data, actor: context.actor });
    if (id === undefined) {
      throw new UserFaults([conflictError([], 'One like it is waiting already.')]);
    }
    return { job: await readAgain(parts, context, 'Job', id) };
  };
  const getTenant = async (context: PlatformContext, id: string): Promise<TenantRow> => {
    const tenant = await context.tenancy.registry.findTenant(uuidOf(parts, 'Tenant', 'id', id));
    if (tenant === undefined) throw new UserFaults([notFoundError(['id'], 'tenant')]);
    return tenant;
  };
  const alone = (name: string, job: string, description: string): PlatformMutation =>
    mutation<{ confirm: string }>({
      name,
      description,
      rule: 'owner',
      input: { confirm: text(`The word \`${name}\`, so that nobody starts it by mistake.`) },
      payload,
      run: (context, { confirm }) => {
        refuseUnconfirmed(confirm, name);
        return begin(context, job, {});
      },
    });

  return [
    mutation<{ id: string; targetDataSourceId: string; keepSourceHours?: number | null }>({
      name: 'moveTenant',
      description: 'Moves a tenant to another data source while it works.',
      rule: 'operator',
      input: {
        id: idOf('tenant'),
        targetDataSourceId: required(ID, 'The data source that it moves to.'),
        keepSourceHours: optionalInt(
          `How long its rows are kept where they were (default ${KEEP_HOURS}, at most ${MAX_KEEP_HOURS}).`,
        ),
      },
      payload,
      run: async (context, { id, targetDataSourceId, keepSourceHours }) => {
        const tenant = await getTenant(context, id);
        const target = uuidOf(parts, 'DataSource', 'targetDataSourceId', targetDataSourceId);
        const keepHours = keepSourceHours ?? KEEP_HOURS;
        if (keepHours < 0 || keepHours > MAX_KEEP_HOURS) {
          throw new UserFaults([
            invalidError(['keepSourceHours'], `Expected 0 to ${MAX_KEEP_HOURS}, got ${keepHours}.`),
          ]);
        }
        if ((await context.tenancy.registry.findDataSource(target)) === undefined) {
          throw new UserFaults([notFoundError(['targetDataSourceId'], 'data source')]);
        }
        if (tenant.dataSourceId === target) {
          throw new UserFaults([
            conflictError(['targetDataSourceId'], 'The tenant is there already.'),
          ]);
        }
        return begin(context, OPERATOR_JOBS.move, {
          tenantId: tenant.id,
          targetDataSourceId: target,
          keepHours,
        });
      },
    }),
    alone(
      'rotateKeys',
      OPERATOR_JOBS.rotate,
      'Seals everything in the registry with the current master key, while all goes on.',
    ),
    alone(
      'migrateFleet',
      OPERATOR_JOBS.migrate,
      'Brings every data source to this version’s schema, canaries first.',
    ),
    mutation<{ id: string }>({
      name: 'exportTenant',
      description:
        'Writes everything of a tenant into a folder of the server that runs the job, without secrets.',
      rule: 'owner',
      input: { id: idOf('tenant') },
      payload,
      run: async (context, { id }) =>
        begin(context, OPERATOR_JOBS.export, { tenantId: (await getTenant(context, id)).id }),
    }),
    mutation<{ id: string; confirm: string }>({
      name: 'eraseTenant',
      description: 'Erases a closed tenant for good: its rows, its keys, and what is known of it.',
      rule: 'owner',
      input: {
        id: idOf('tenant'),
        confirm: text('The tenant’s slug, so that nobody erases another by mistake.'),
      },
      payload,
      run: async (context, { id, confirm }) => {
        const { id: tenantId, slug, status } = await getTenant(context, id);
        refuseUnconfirmed(confirm, slug);
        if (status !== 'closed') {
          throw new UserFaults([conflictError(['id'], `The tenant is ${status}: close it first.`)]);
        }
        return begin(context, OPERATOR_JOBS.erase, { tenantId });
      },
    }),
  ];
}

function refuseUnconfirmed(given: string, expected: string): void {
  if (given === expected) return;
  throw new UserFaults([invalidError(['confirm'], `Expected "${expected}", got something else.`)]);
}
