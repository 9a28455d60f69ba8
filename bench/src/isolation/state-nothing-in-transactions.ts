/**
 * A read transaction states nothing; it stays a transaction, for it is the one view of an operation
 * and no part of isolation. A write states what is not isolation: who writes, the limits of time, and
 * the lock that a move waits for.
 */
import { functionOf, type Exports } from './variants';

interface Statement {
  readonly text: string;
}
type ScopeStatements = (scope: { readonly mode: string }) => readonly Statement[];

const TENANT = "set_config('app.tenant_id', $1, true), ";

export function wrap(original: Exports): Exports {
  const scopeStatements = functionOf<ScopeStatements>(original, 'scopeStatements');
  return {
    ...original,
    scopeStatements: (scope: { readonly mode: string }) =>
      scope.mode === 'write' ? scopeStatements(scope).map(withoutTenant) : [],
  };
}

function withoutTenant(statement: Statement): Statement {
  if (!statement.text.includes(TENANT)) {
    throw new Error(`Expected a statement that states the tenant, but got ${statement.text}.`);
  }
  return { ...statement, text: statement.text.replace(TENANT, '') };
}
