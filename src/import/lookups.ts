/**
 * Finds the records that rows refer to. What is asked for in a batch is one statement for each kind
 * and key; answers are kept in a bounded cache. A cache holds committed facts only: what a batch
 * finds or makes inside its transaction is published when the transaction has been committed.
 */
import { LRUCache } from 'lru-cache';
import sql, { raw } from 'sql-template-tag';
import { columnOf, tableOf } from '../crm/kind/columns';
import type { Kind } from '../crm/kind/kind';
import type { SqlRunner } from '../database/statement';

/** A record of a kind, by the first of the keys that finds one. */
export interface LookupRequest {
  readonly kind: Kind;
  readonly by: readonly string[];
  readonly value: string;
}

export type LookupAnswer =
  { readonly id: string } | { readonly ambiguous: number; readonly by: string } | undefined;

export interface Lookups {
  find(tx: SqlRunner, requests: readonly LookupRequest[]): Promise<LookupAnswer[]>;
  /** A record made within the transaction. */
  remember(kind: Kind, by: string, value: string, id: string): void;
  /** The transaction was committed. @param changed kinds of which records were changed, not only added. */
  publish(changed: ReadonlySet<string>): void;
  /** The transaction was rolled back. */
  discard(): void;
}

const DEFAULT_MAX = 50_000;

export function createLookups(max = DEFAULT_MAX): Lookups {
  const committed = new LRUCache<string, string>({ max });
  let pending = new Map<string, string>();
  const keyOf = (kind: Kind, by: string, value: string): string => `${kind.name}\0${by}\0${value}`;

  async function load(tx: SqlRunner, kind: Kind, by: string, values: readonly string[]) {
    const answers = new Map<string, LookupAnswer>();
    const unknown = values.filter((value) => {
      const id = pending.get(keyOf(kind, by, value)) ?? committed.get(keyOf(kind, by, value));
      if (id !== undefined) answers.set(value, { id });
      return id === undefined;
    });
    if (unknown.length === 0) return answers;
    const rows = await tx.query<{ value: string; id: string; count: number }>(
      findSql(kind, by, tx.localTenantId, unknown),
    );
    for (const { value, id, count } of rows) {
      answers.set(value, count === 1 ? { id } : { ambiguous: count, by });
      if (count === 1) pending.set(keyOf(kind, by, value), id);
    }
    return answers;
  }

  return {
    async find(tx, requests) {
      const answers: LookupAnswer[] = requests.map(() => undefined);
      const steps = Math.max(0, ...requests.map(({ by }) => by.length));
      for (let step = 0; step < steps; step += 1) {
        const groups = new Map<string, { kind: Kind; by: string; open: number[] }>();
        for (const [index, { kind, by }] of requests.entries()) {
          const key = by[step];
          if (key === undefined || answers[index] !== undefined) continue;
          const group = groups.get(`${kind.name} ${key}`) ?? { kind, by: key, open: [] };
          group.open.push(index);
          groups.set(`${kind.name} ${key}`, group);
        }
        for (const { kind, by, open } of groups.values()) {
          const values = new Set(open.map((index) => requests[index]?.value ?? ''));
          const found = await load(tx, kind, by, [...values]);
          for (const index of open) answers[index] = found.get(requests[index]?.value ?? '');
        }
      }
      return answers;
    },
    remember: (kind, by, value, id) => void pending.set(keyOf(kind, by, value), id),
    publish(changed) {
      // A changed record may have another name now; which one it had is not known here.
      for (const key of changed.size === 0 ? [] : [...committed.keys()]) {
        if (changed.has(key.slice(0, key.indexOf('\0')))) committed.delete(key);
      }
      for (const [key, id] of pending) {
        if (!changed.has(key.slice(0, key.indexOf('\0')))) committed.set(key, id);
      }
      pending = new Map();
    },
    discard: () => void (pending = new Map()),
  };
}

function findSql(kind: Kind, by: string, tenantId: string, values: readonly string[]) {
  const field = kind.fields[by];
  const column = raw(
    by === 'externalId' || field === undefined ? 'external_id' : columnOf(by, field),
  );
  return sql`select t.${column} as value, min(t.id::text) as id, count(*)::int as count
    from ${tableOf(kind)} t
    where t.tenant_id = ${tenantId} and t.deleted_at is null and t.${column} = any(${values}::text[])
    group by t.${column}`;
}
