import type { SchemaParts } from '../schema-parts';
import { dataSourceMutations } from './data-source.mutations';
import { jobMutations } from './job.mutations';
import { operatorMutations } from './operator.mutations';
import type { PlatformMutation } from './platform-mutation';
import { preflightMutation } from './preflight.mutation';
import { tenantMutations } from './tenant.mutations';

/** What operators can do. */
export const platformMutations = (parts: SchemaParts): PlatformMutation[] => [
  ...tenantMutations(parts),
  ...dataSourceMutations(parts),
  preflightMutation(parts),
  ...jobMutations(parts),
  ...operatorMutations(parts),
];
