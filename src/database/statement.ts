import type { CustomTypesConfig } from 'pg';

/**
 * What runs SQL for one tenant. Values are always parameters; `name` makes it a prepared statement
 * (kept for hot statements whose text is one of few: a server keeps every named text it has seen).
 * `Sql` of sql-template-tag fits as it is.
 */
export interface Statement {
  readonly text: string;
  readonly values: readonly unknown[];
  readonly name?: string;
  /** How its columns arrive, if not as those of other statements do. */
  readonly types?: CustomTypesConfig;
  /** Rows are arrays of Postgres' own texts, in the order of the columns. */
  readonly asTexts?: boolean;
  /**
   * The same for a data source of the release before, which is older than the migration `than`.
   * It takes the same values, all of them.
   */
  readonly older?: { readonly than: string; readonly text: string };
}

export interface SqlRunner {
  /** The id the tenant has in its data source; every statement carries it beside the policy. */
  readonly localTenantId: string;
  /** @returns the rows; @throws AppError translated from the database's error. */
  query<Row>(statement: Statement): Promise<Row[]>;
}
