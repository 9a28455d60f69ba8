/**
 * One batch of rows within one transaction: converted, their references found, written. A row that
 * cannot be written is rejected with its reason and the others are not concerned.
 *
 * A row that refers to a row of its own file has to wait for it, wherever it stands: rows are
 * written in waves within the batch, and what is still waiting at its end is deferred.
 */
import type { Kind } from '../crm/kind/kind';
import type { BatchDependencies } from './batch-dependencies';
import { quote } from './convert-value';
import type { SourceRow } from './csv-rows';
import type { DeferredRow } from './import-runs.store';
import type { LookupAnswer } from './lookups';
import type { Reject } from './rejects-file';
import type { RowDraft, RowPlan, Wanted } from './row-plan';
import { createMissing } from './create-missing';
import { writeDrafts, type ReadyDraft } from './write-drafts';

export interface BatchResult {
  readonly outcomes: Readonly<Record<'created' | 'updated' | 'unchanged', number>>;
  readonly rejects: readonly Reject[];
  readonly deferred: readonly DeferredRow[];
  /** Records made because rows refer to them, by kind. */
  readonly referenced: Readonly<Record<string, number>>;
  /** Kinds of which records were changed. */
  readonly changed: ReadonlySet<string>;
}

export interface WaitingRules {
  /** Which of the keys a row that waits will bring; absent while rows may still come. */
  readonly findDeferredKeys?: (keys: readonly string[]) => Promise<Set<string>>;
  /** Nothing has moved: who waits now waits for itself. */
  readonly stuck?: boolean;
}

interface Row {
  readonly source: SourceRow;
  readonly draft: RowDraft;
  /** Ids by reference, as far as they were found. */
  readonly found: Map<Wanted, string>;
}

export async function importBatch(
  dependencies: BatchDependencies,
  sources: readonly SourceRow[],
  rules: WaitingRules = {},
): Promise<BatchResult> {
  const { plan, lookups, context } = dependencies;
  const outcomes = { created: 0, updated: 0, unchanged: 0 };
  const rejects: Reject[] = [];
  const referenced: Record<string, number> = {};
  const changed = new Set<string>();
  const reject = ({ source }: Pick<Row, 'source'>, reason: string): void =>
    void rejects.push({ ...source, reason });

  /** Looks up what is still wanted. @returns the rows that are neither complete nor rejected, with what they miss. */
  async function resolve(rows: readonly Row[]): Promise<Map<Row, Wanted[]>> {
    const open = rows.flatMap((row) =>
      wantedBy(row.draft).flatMap((wanted) => (row.found.has(wanted) ? [] : [{ row, wanted }])),
    );
    const answers = await lookups.find(
      context.tx,
      open.map(({ wanted }) => wanted),
    );
    const missing = new Map<Row, Wanted[]>();
    const ambiguous = new Map<Row, string>();
    for (const [index, { row, wanted }] of open.entries()) {
      const answer: LookupAnswer = answers[index];
      if (answer === undefined) missing.set(row, [...(missing.get(row) ?? []), wanted]);
      else if ('id' in answer) row.found.set(wanted, answer.id);
      else
        ambiguous.set(
          row,
          `${wanted.parent.name}: ${answer.ambiguous} ${wanted.kind.plural} have the ${answer.by} ${quote(wanted.value)}; one has to be meant`,
        );
    }
    for (const [row, reason] of ambiguous) {
      reject(row, reason);
      missing.delete(row);
      rejected.add(row);
    }
    return missing;
  }

  /** Makes what may be made and rejects the rows that lack something else. */
  async function settle(missing: ReadonlyMap<Row, readonly Wanted[]>): Promise<void> {
    const makeable = [...missing.values()].flat().filter((wanted) => wanted.createMissing);
    const { made, faults } = await createMissing(dependencies, makeable);
    for (const [kind, count] of made) referenced[kind] = (referenced[kind] ?? 0) + count;
    for (const [row, wanteds] of missing) {
      const reasons = wanteds.flatMap((wanted) => {
        const fault = faults.get(wanted);
        if (fault !== undefined)
          return [`${wanted.parent.name}: ${quote(wanted.value)} could not be made: ${fault}`];
        return wanted.createMissing ? [] : [explainMissing(wanted)];
      });
      if (reasons.length === 0) continue;
      reject(row, reasons.join('; '));
      rejected.add(row);
    }
  }

  const rejected = new Set<Row>();
  let waiting = convert(plan, sources, reject);
  for (;;) {
    let missing = await resolve(waiting);
    const hopeless = await withoutHope(missing);
    if (hopeless.size > 0) {
      await settle(hopeless);
      missing = await resolve(waiting.filter((row) => !rejected.has(row)));
    }
    const ready = waiting.filter((row) => !rejected.has(row) && !missing.has(row));
    const written = await writeDrafts(dependencies, ready.map(toReady));
    for (const [index, row] of ready.entries()) {
      const answer = written.rows[index];
      if (answer === undefined) throw new Error('Expected an outcome for each row.');
      if ('reason' in answer) reject(row, answer.reason);
      else outcomes[answer.result] += 1;
    }
    for (const kind of written.changed) changed.add(kind);
    waiting = waiting.filter((row) => !rejected.has(row) && missing.has(row));
    // What was written now may be what others of the batch wait for.
    if (waiting.length === 0 || ready.length === 0) break;
  }
  if (rules.stuck === true) {
    for (const row of waiting)
      reject(row, 'refers to itself, or in a circle to rows that refer to it');
    waiting = [];
  }
  rejects.sort((a, b) => a.line - b.line);
  const selfKeys = selfReferenceKeys(plan.kind, waiting);
  return {
    outcomes,
    rejects,
    referenced,
    changed,
    deferred: waiting.map((row) => ({ ...row.source, keys: keysOf(row.draft, selfKeys) })),
  };

  /** Rows that nothing to come can help. Who misses a record of the file's own kind may yet be helped. */
  async function withoutHope(
    missing: ReadonlyMap<Row, readonly Wanted[]>,
  ): Promise<Map<Row, Wanted[]>> {
    const own = [...missing.values()].flat().filter(({ kind }) => kind === plan.kind);
    const keys = [...new Set(own.flatMap(waitingKeys))];
    const toCome = await rules.findDeferredKeys?.(keys);
    const mayCome = (wanted: Wanted): boolean =>
      wanted.kind === plan.kind &&
      (toCome === undefined || waitingKeys(wanted).some((key) => toCome.has(key)));
    const hopeless = new Map<Row, Wanted[]>();
    for (const [row, wanteds] of missing) {
      const lost = wanteds.filter((wanted) => !mayCome(wanted));
      if (lost.length > 0) hopeless.set(row, lost);
    }
    return hopeless;
  }
}

function convert(
  plan: RowPlan,
  sources: readonly SourceRow[],
  reject: (row: { source: SourceRow }, reason: string) => void,
): Row[] {
  const linesByExternalId = new Map<string, number>();
  return sources.flatMap((source) => {
    const draft = plan.convert(source.cells);
    if (typeof draft === 'string') {
      reject({ source }, draft);
      return [];
    }
    const earlier = linesByExternalId.get(draft.externalId);
    if (earlier !== undefined) {
      reject({ source }, `same external id ${quote(draft.externalId)} as line ${earlier}`);
      return [];
    }
    linesByExternalId.set(draft.externalId, source.line);
    return [{ source, draft, found: new Map<Wanted, string>() }];
  });
}

const wantedBy = ({ references, items }: RowDraft): Wanted[] => [
  ...references,
  ...items.flatMap(({ draft }) => draft?.references ?? []),
];

function toReady({ draft, found }: Row): ReadyDraft {
  const complete = (each: {
    externalId: string;
    values: Readonly<Record<string, unknown>>;
    references: readonly Wanted[];
  }) => ({
    ...each.values,
    externalId: each.externalId,
    ...Object.fromEntries(
      each.references.map((wanted) => [wanted.parent.idField, found.get(wanted)]),
    ),
  });
  return {
    values: complete(draft),
    items: draft.items.map((item) => ({
      externalId: item.externalId,
      values: item.draft === undefined ? undefined : complete(item.draft),
    })),
  };
}

const explainMissing = ({ parent, kind, by, value }: Wanted): string =>
  `${parent.name}: there is no ${kind.singular} with the ${by.join(' or ')} ${quote(value)}`;

const waitingKeys = ({ by, value }: Wanted): string[] => by.map((key) => `${key}:${value}`);

/** The keys by which rows of the file refer to one another. */
function selfReferenceKeys(kind: Kind, rows: readonly Row[]): Set<string> {
  return new Set(
    rows.flatMap(({ draft }) =>
      wantedBy(draft).flatMap((wanted) => (wanted.kind === kind ? wanted.by : [])),
    ),
  );
}

const keysOf = ({ externalId, values }: RowDraft, keys: ReadonlySet<string>): string[] =>
  [...keys].flatMap((key) => {
    const value = key === 'externalId' ? externalId : values[key];
    return typeof value === 'string' ? [`${key}:${value}`] : [];
  });
