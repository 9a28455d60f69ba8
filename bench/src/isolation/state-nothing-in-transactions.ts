/**
 * A read transaction states nothing; it stays a transaction, for it is the one view of an operation
 * and no part of isolation. A write states what is not isolation: who writes, the limits of time, and
 * the lock that a move waits for; in a transaction and in one flight alike.
 */
import { functionOf, type Exports } from './variants';

interface Statement {
  readonly text: string;
}
type ScopeStatements = (scope: { readonly mode: string }) => readonly Statement[];
type ScopeInOneFlight = (scope: { readonly mode: string }) => Statement;

const TENANT = "set_config('app.tenant_id', $1, true), ";

export function wrap(original: Exports): Exports {
  const scopeStatements = functionOf<ScopeStatements>(original, 'scopeStatements');
  const scopeInOneFlight = functionOf<ScopeInOneFlight>(original, 'scopeInOneFlight');
  const prepared = original['SCOPES_IN_ONE_FLIGHT'] as readonly Statement[];
  const isWrite = ({ text }: Statement): boolean => text.includes('app.user_id');
  return {
    ...original,
    SCOPES_IN_ONE_FLIGHT: prepared.filter(isWrite).map(withoutTenant),
    scopeInOneFlight: (scope: { readonly mode: string }) =>
      scope.mode === 'write' ? withoutTenant(scopeInOneFlight(scope)) : scopeInOneFlight(scope),
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
