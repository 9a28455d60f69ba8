/** A single statement goes out by itself, without the `set_config` before it. */
import { functionOf, type Exports } from './variants';

interface Scope {
  readonly statementTimeoutMs: number;
  readonly namedStatements: boolean;
}
type Run = (
  client: unknown,
  statement: unknown,
  options: { readonly limitMs: number; readonly namedStatements: boolean },
) => Promise<{ readonly rows: unknown[] }>;

export function wrap(original: Exports): Exports {
  const run = functionOf<Run>(original, 'run');
  functionOf(original, 'runScoped');
  return {
    ...original,
    async runScoped(client: unknown, statement: unknown, scope: Scope) {
      const { statementTimeoutMs: limitMs, namedStatements } = scope;
      const { rows } = await run(client, statement, { limitMs, namedStatements });
      return rows;
    },
  };
}
