/** Executes operations that were compiled, in the place where Apollo would have graphql-js interpret them. */
import {
  HeaderMap,
  type GraphQLRequestContextResponseForOperation,
  type GraphQLResponse,
} from '@apollo/server';
import type { GraphQLSchema, OperationDefinitionNode } from 'graphql';
import { createCompiledOperations } from './compiled-operations';
import type { ServerContext } from './server-context';

/** Never changed: Apollo copies its entries, of which there are none. */
const NO_HEADERS = new HeaderMap();

export interface CompiledExecution {
  /** @returns null for what is to be interpreted. */
  execute(
    request: GraphQLRequestContextResponseForOperation<ServerContext>,
  ): Promise<GraphQLResponse | null>;
}

export function createCompiledExecution(schema: GraphQLSchema): CompiledExecution {
  const operations = createCompiledOperations(schema);
  return {
    async execute({ document, operation, request, contextValue: context }) {
      // Apollo's types forget an operation name that names none, and subscriptions.
      const asked = operation as OperationDefinitionNode | undefined;
      if (asked === undefined || (asked.operation as string) === 'subscription') return null;
      const variables = request.variables ?? {};
      const result = await operations.execute({
        document,
        operation,
        context,
        variables,
        // Of a query, and of one who is signed in: nobody else's takes any.
        onStatements: (statements) => {
          if (context.principal) context.session?.plan(statements, 'nearest');
        },
      });
      if (result === undefined) return null;
      // The errors are made public where those of graphql-js are, in the operation's outcome.
      const body = { kind: 'single', singleResult: result };
      return { body, http: { headers: NO_HEADERS } } as GraphQLResponse;
    },
  };
}
