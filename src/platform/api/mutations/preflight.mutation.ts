/** `testDataSource`: looks at a database, one that is enrolled or one that may be, and changes nothing. */
import { ID, registerEnumType } from 'type-graphql';
import { defineObjectType } from '../../../graphql/define-type';
import { invalidError, notFoundError, UserFaults } from '../../../graphql/user-errors';
import {
  dataSourcePreflight,
  type PreflightSpec,
} from '../../../tenancy/preflight/data-source-preflight';
import { openMigrationUrl, openUrl } from '../../../tenancy/secrets/data-source-urls';
import type { Placement } from '../../../tenancy/registry.store';
import type { PlatformContext } from '../platform-context';
import { PLACEMENT } from '../records/data-source.record';
import type { SchemaParts } from '../schema-parts';
import { optional, optionalInt, optionalText, required, uuidOf } from './input-fields';
import { mutation, type PlatformMutation } from './platform-mutation';

interface TestInput {
  readonly id?: string | null;
  readonly placement?: Placement | null;
  readonly url?: string | null;
  readonly migrationUrl?: string | null;
  readonly poolMax?: number | null;
}

const STATUSES = { PASSED: 'passed', WARNING: 'warning', FAILED: 'failed' } as const;

export function preflightMutation(parts: SchemaParts): PlatformMutation {
  registerEnumType(STATUSES, {
    name: 'FindingStatus',
    description: 'How a finding is meant.',
    valuesConfig: {
      PASSED: { description: 'All is well.' },
      WARNING: { description: 'It works, and would be better otherwise.' },
      FAILED: { description: 'It cannot serve like this.' },
    },
  });
  const finding = defineObjectType(
    'DataSourceFinding',
    {
      check: required(String, 'What was looked at, such as `role` or `tls`.'),
      status: required(STATUSES, 'How it is meant.'),
      detail: required(String, 'What was found.'),
      remedy: optional(String, 'What to do.'),
      sql: optional(String, 'What to run there, as its administrator.'),
    },
    { description: 'One thing that was looked at in a database.' },
  );
  return mutation<TestInput>({
    name: 'testDataSource',
    description:
      'Looks at a database before it is taken into service, or at one that is: whether it is fit to serve from, and what to run where it is not. Changes nothing.',
    rule: 'operator',
    input: {
      id: optional(ID, 'A data source that is enrolled; or else what follows.'),
      placement: optional(parts.enumOf(PLACEMENT), 'Whose the database is.'),
      url: optionalText('Connection URL of the run-time role.'),
      migrationUrl: optionalText('Connection URL of the owner; left out where the owner migrates.'),
      poolMax: optionalInt('Connections that each server process may open.'),
    },
    payload: {
      ok: optional(Boolean, 'Whether nothing failed; there may be warnings.'),
      findings: optional([finding], 'What was looked at, in order.'),
    },
    run: async (context, input) => {
      const { ok, findings } = await dataSourcePreflight(
        context.tenancy,
        await specOf(parts, context, input),
      );
      return { ok, findings };
    },
  });
}

async function specOf(
  parts: SchemaParts,
  { tenancy }: PlatformContext,
  { id, placement, url, migrationUrl, poolMax }: TestInput,
): Promise<PreflightSpec> {
  if (typeof id === 'string') {
    const row = await tenancy.registry.findDataSource(uuidOf(parts, 'DataSource', 'id', id));
    if (row === undefined) throw new UserFaults([notFoundError(['id'], 'data source')]);
    const migration = await openMigrationUrl(tenancy.secretBox, row);
    return {
      placement: row.placement,
      url: await openUrl(tenancy.secretBox, row),
      poolMax: row.poolMax,
      ...(migration === undefined ? {} : { migrationUrl: migration }),
    };
  }
  const faults = [
    ...(typeof placement === 'string'
      ? []
      : [invalidError(['placement'], 'Expected it, or an id.')]),
    ...(typeof url === 'string' ? [] : [invalidError(['url'], 'Expected it, or an id.')]),
  ];
  if (typeof placement !== 'string' || typeof url !== 'string') throw new UserFaults(faults);
  return {
    placement,
    url,
    ...(typeof migrationUrl === 'string' ? { migrationUrl } : {}),
    ...(typeof poolMax === 'number' ? { poolMax } : {}),
  };
}
