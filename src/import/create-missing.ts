/** Records that rows refer to and nobody has: made with a name and nothing else. */
import type { BatchDependencies } from './batch-dependencies';
import type { Wanted } from './row-plan';
import { writeIsolated } from './write-isolated';

/** @returns how many were made by kind, and why others could not be. */
export async function createMissing(
  { writer, lookups, context }: Omit<BatchDependencies, 'plan'>,
  wanteds: readonly Wanted[],
): Promise<{ made: Map<string, number>; faults: Map<Wanted, string> }> {
  const made = new Map<string, number>();
  const faults = new Map<Wanted, string>();
  const groups = new Map<string, Wanted[]>();
  for (const wanted of wanteds) {
    const key = `${wanted.kind.name}\0${wanted.value}`;
    groups.set(key, [...(groups.get(key) ?? []), wanted]);
  }
  for (const kind of new Set(wanteds.map((wanted) => wanted.kind))) {
    const own = [...groups.values()].filter(([first]) => first?.kind === kind);
    const written = await writeIsolated(context, own, async (attempt, rows) => {
      const records = rows.map(([first]) => {
        const value = first?.value ?? '';
        const named = (first?.by ?? []).map((by) => [by, value] as const);
        return { ...Object.fromEntries(named), [kind.displayField]: value, externalId: value };
      });
      return writer.create(attempt, kind, records, (index) => [String(index)]);
    });
    for (const [index, group] of own.entries()) {
      const answer = written[index];
      if (answer === undefined || 'reason' in answer) {
        for (const wanted of group) faults.set(wanted, answer?.reason ?? 'it was not written');
        continue;
      }
      made.set(kind.name, (made.get(kind.name) ?? 0) + 1);
      for (const { by, value } of group) {
        for (const key of by) lookups.remember(kind, key, value, answer.result.id);
      }
    }
  }
  return { made, faults };
}
