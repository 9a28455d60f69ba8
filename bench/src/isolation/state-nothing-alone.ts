/**
 * A single statement that reads goes out by itself, without the `set_config` before it. One that writes
 * keeps what is no isolation (see `state-nothing-in-transactions.ts`).
 */
import { functionOf, type Exports } from './variants';

interface Scope {
  readonly stating: { readonly text: string };
  readonly statementTimeoutMs: number;
  readonly namedStatements: boolean;
}
type Run = (
  client: unknown,
  statement: unknown,
  options: { readonly limitMs: number; readonly namedStatements: boolean },
) => Promise<{ readonly rows: unknown[] }>;
type RunScoped = (client: unknown, statement: unknown, scope: Scope) => Promise<unknown[]>;

export function wrap(original: Exports): Exports {
  const run = functionOf<Run>(original, 'run');
  const runScoped = functionOf<RunScoped>(original, 'runScoped');
  return {
    ...original,
    async runScoped(client: unknown, statement: unknown, scope: Scope) {
      if (scope.stating.text.includes('app.user_id')) return runScoped(client, statement, scope);
      const { statementTimeoutMs: limitMs, namedStatements } = scope;
      const { rows } = await run(client, statement, { limitMs, namedStatements });
      return rows;
    },
  };
}
