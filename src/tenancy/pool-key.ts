import { createHash } from 'node:crypto';
import type { DataSource } from './directory';

/** What a pool is for: data sources that agree in it share one, whatever else their rows say. */
export function poolKey(dataSource: DataSource): string {
  const { id, connection, poolMin, poolMax, namedStatements, sessionStyle } = dataSource;
  // The style too: whether it fits is looked at when a pool is made.
  const parts = JSON.stringify([id, connection, poolMin, poolMax, namedStatements, sessionStyle]);
  return createHash('sha256').update(parts).digest('base64'); // it holds a password
}
