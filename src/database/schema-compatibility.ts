/**
 * Which schemas a version of the code serves (docs/decisions/0008-schema-n-and-n-minus-1.md).
 *
 * Older than the code: this code knows how to live with the schema of the release before it. Newer
 * than the code: only the migrations that made it can know, so each states in the database, in its
 * own transaction, the oldest code that still works there.
 */
import { OLDEST_SERVED_SCHEMA } from './compatibility-statement';
import { createMigrationSource } from './migration-source';

/** What a database says of itself. */
export interface AppliedSchema {
  /** Names of its migrations, in order. */
  readonly applied: readonly string[];
  /** The newest migration that a code must know to work there; null where nothing is stated. */
  readonly oldestCode: string | null;
}

export interface SchemaVerdict {
  readonly served: boolean;
  readonly verdict: 'current' | 'older' | 'newer' | 'too old' | 'too new';
  /** In words, with names of migrations. */
  readonly detail: string;
}

/** @param known the migrations of this code, in order. */
export function judgeSchema(
  { applied, oldestCode }: AppliedSchema,
  known: readonly string[] = createMigrationSource('tenant').names,
): SchemaVerdict {
  const newest = known.at(-1) ?? '';
  const version = applied.at(-1) ?? 'none';
  // Names begin with their number, so that their order is that of text.
  const lacking = known.filter((name) => name <= OLDEST_SERVED_SCHEMA && !applied.includes(name));
  if (lacking.length > 0) {
    const detail = `expected ${newest}, or ${OLDEST_SERVED_SCHEMA} at the least, found ${version}`;
    return { served: false, verdict: 'too old', detail };
  }
  const unknown = applied.filter((name) => !known.includes(name));
  if (unknown.length > 0) {
    const served = oldestCode !== null && oldestCode <= newest;
    const needs = oldestCode === null ? 'and says of no older code' : `and asks for ${oldestCode}`;
    return served
      ? { served, verdict: 'newer', detail: `${version}, which still serves ${newest}` }
      : { served, verdict: 'too new', detail: `expected ${newest}, found ${version}, ${needs}` };
  }
  return known.every((name) => applied.includes(name))
    ? { served: true, verdict: 'current', detail: version }
    : { served: true, verdict: 'older', detail: `${version}, to be brought to ${newest}` };
}
