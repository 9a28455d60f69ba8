/** Decides before execution whether an operation is run, and tells the session what it will need. */
import type { GraphQLRequestContextDidResolveOperation } from '@apollo/server';
import { GraphQLError } from 'graphql';
import type { Config } from '../../config';
import { assertWithinLimits, measureOperation } from '../../graphql/operation-measure';
import type { OperationMeasure } from '../../graphql/operation-measure';
import type { ServerContext } from './server-context';
import type { TenantBudget } from './tenant-budget';
import { assertShallowVariables } from './variables.guard';

export interface OperationLimitsOptions {
  readonly limits: Config['limits'];
  readonly budget: TenantBudget;
  /** Whether anonymous clients may read the schema. */
  readonly anonymousIntrospection: boolean;
}

export interface OperationLimits {
  /** Rejects for an operation that is not to be run. */
  admit(request: GraphQLRequestContextDidResolveOperation<ServerContext>): Promise<void>;
}

export function createOperationLimits(options: OperationLimitsOptions): OperationLimits {
  // An expanded operation may select as many fields as a document may have tokens.
  const limits = { ...options.limits, selections: options.limits.tokens };
  return {
    async admit({ schema, document, operation, request, contextValue }) {
      // An operation name that names none: execution says so.
      if (!operation) return;
      const { trace, principal } = contextValue;
      const measure = measureOperation({
        schema,
        document,
        operation,
        variables: request.variables ?? {},
      });
      trace.operationType = operation.operation;
      if (operation.name) trace.operationName = operation.name.value.slice(0, 100);
      trace.cost = measure.cost;
      assertWithinLimits(measure, limits);
      assertShallowVariables(request.variables);
      if (!principal) {
        assertNoIntrospection(measure, options.anonymousIntrospection);
        return;
      }
      const payer = 'operatorId' in principal ? principal.operatorId : principal.tenantId;
      const spent = options.budget.spend(payer, measure.cost);
      if (spent !== undefined) await spent;
      if (measure.statements === 0) return;
      const reads = operation.operation === 'query' ? 'nearest' : 'primary';
      contextValue.session?.plan(measure.statements, reads);
    },
  };
}

/** Not a validation rule: validated documents are cached, and who asks differs. */
function assertNoIntrospection(measure: OperationMeasure, allowed: boolean): void {
  if (allowed || !measure.introspects) return;
  throw new GraphQLError('The schema is shown to signed-in clients only: sign in first.', {
    extensions: { code: 'GRAPHQL_VALIDATION_FAILED' },
  });
}
