/** What a session knows of replicas: where it may read besides the primary, and whom it tells of writes. */
import type { Statement } from '../database/statement';
import type { DataSource } from './directory';

/** Where reads may go besides the primary, for one reader. */
export interface SessionReplicas {
  /** @returns undefined: the primary. */
  choose(primary: DataSource): DataSource | undefined;
  /** Whether to ask where in the log a write has come to. */
  mustKnowWrites(primary: DataSource): boolean;
  /** @param position as Postgres writes it; undefined when it could not be learned. */
  noteWrite(primary: DataSource, position: string | undefined): void;
}

/** For after a commit: before it, the commit itself is missing. */
export const WAL_POSITION: Statement = {
  name: 'cloister_wal_position',
  text: 'select pg_current_wal_insert_lsn()::text as position',
  values: [],
};
