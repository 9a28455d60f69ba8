import type { Knex } from 'knex';
import type { Loaders } from './tutorial.loaders';

/** What a resolver is given of a request. */
export interface TutorialContext {
  readonly db: Knex;
  readonly tenantId: string;
  readonly loaders: Loaders;
  readonly transaction?: Knex.Transaction;
}
