import type { KindWriter, WriteContext } from '../crm/kind/kind-writer';
import type { Lookups } from './lookups';
import type { RowPlan } from './row-plan';

/** What a batch of rows is written with. */
export interface BatchDependencies {
  readonly plan: RowPlan;
  readonly writer: KindWriter;
  readonly lookups: Lookups;
  readonly context: WriteContext;
}
