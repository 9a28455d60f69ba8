/**
 * Operations compiled to functions by graphql-jit, which saves most of what graphql-js spends on
 * interpreting a document anew for each request and each record.
 *
 * Compiling costs as much as some hundred executions, so a document earns it by being sent again;
 * what comes once only, or does not compile, is graphql-js' to execute. Bounded: the least recently
 * used operations go first. Documents are told apart by identity, which Apollo's document store keeps.
 */
import {
  GraphQLScalarType,
  Kind,
  getVariableValues,
  type DefinitionNode,
  type DocumentNode,
  type ExecutionResult,
  type GraphQLSchema,
  type OperationDefinitionNode,
  type VariableDefinitionNode,
} from 'graphql';
import { compileQuery, isCompiledQuery } from 'graphql-jit';
import { LRUCache } from 'lru-cache';
import { schemaWithTwins, withFinishedFields } from './finished-operations';

export type Variables = Readonly<Record<string, unknown>>;

export interface CompiledOperations {
  /** @returns undefined when the operation is to be interpreted: nothing of it was executed then. */
  execute(
    given: OperationRequest,
  ): Promise<ExecutionResult | undefined> | ExecutionResult | undefined;
}

export interface OperationRequest {
  readonly document: DocumentNode;
  readonly operation: OperationDefinitionNode;
  readonly context: unknown;
  /** As the client sent them. */
  readonly variables: Variables;
  /** Told how many statements the operation will take, before it is executed, where it is known. */
  readonly onStatements?: (statements: number) => void;
}

export interface CompiledOperationsOptions {
  readonly maxOperations?: number;
  /** An operation is compiled when it is asked for this time. */
  readonly compileAtUse?: number;
}

type Run = (
  root: undefined,
  context: unknown,
  variables: Variables,
) => Promise<ExecutionResult> | ExecutionResult;

interface Entry {
  uses: number;
  run: Run | undefined;
  /** How many it takes, where that is known to be fewer than the selection looks like. */
  statements?: number | undefined;
}

export function createCompiledOperations(
  schema: GraphQLSchema,
  { maxOperations = 500, compileAtUse = 2 }: CompiledOperationsOptions = {},
): CompiledOperations {
  const entries = new LRUCache<OperationDefinitionNode, Entry>({ max: maxOperations });
  const compilerSchema = withCoercedType(schema);
  const finishingSchema = withCoercedType(schemaWithTwins(schema));

  function find({ document, operation }: OperationRequest): Entry {
    let entry = entries.get(operation);
    if (entry === undefined) entries.set(operation, (entry = { uses: 0, run: undefined }));
    entry.uses += 1;
    if (entry.uses === compileAtUse) {
      const finished = withFinishedFields(schema, document, operation);
      const compiled = compileQuery(
        finished === undefined ? compilerSchema : finishingSchema,
        withCoercedVariables(document, operation, finished?.operation ?? operation),
        operation.name?.value,
      );
      if (isCompiledQuery(compiled)) {
        entry.run = compiled.query as Run;
        entry.statements = finished?.statements;
      }
    }
    return entry;
  }

  return {
    execute(given) {
      const { run, statements } = find(given);
      if (run === undefined) return undefined;
      const { variableDefinitions = [] } = given.operation;
      const { coerced } = getVariableValues(schema, variableDefinitions, given.variables);
      // Values that do not fit: graphql-js refuses them, in the words that Apollo knows.
      if (coerced === undefined) return undefined;
      if (statements !== undefined) given.onStatements?.(statements);
      return run(undefined, given.context, coerced);
    },
  };
}

/**
 * graphql-jit unrolls the coercion of variables; with filters that reach through relations that is
 * code without end. So graphql-js coerces them, and to the compiler every variable is of this type,
 * which takes what it is given. No client can name it: the schema it is sent to has no such type.
 */
const COERCED = new GraphQLScalarType({ name: '__Coerced' });

function withCoercedType(schema: GraphQLSchema): GraphQLSchema {
  const getType: GraphQLSchema['getType'] = (name) =>
    name === COERCED.name ? COERCED : schema.getType(name);
  return Object.assign(Object.create(schema) as GraphQLSchema, { getType });
}

/** But for those of `@skip` and `@include`, whose type the compiler insists on. */
const isBoolean = ({ type }: VariableDefinitionNode): boolean => {
  const named = type.kind === Kind.NON_NULL_TYPE ? type.type : type;
  return named.kind === Kind.NAMED_TYPE && named.name.value === 'Boolean';
};

function withCoercedVariables(
  document: DocumentNode,
  operation: OperationDefinitionNode,
  given: OperationDefinitionNode,
): DocumentNode {
  const variableDefinitions = operation.variableDefinitions?.map((definition) =>
    isBoolean(definition)
      ? definition
      : {
          kind: definition.kind,
          variable: definition.variable,
          type: { kind: Kind.NAMED_TYPE, name: { kind: Kind.NAME, value: COERCED.name } } as const,
        },
  );
  const changed = { ...given, ...(variableDefinitions && { variableDefinitions }) };
  const definitions: readonly DefinitionNode[] = document.definitions.map((definition) =>
    definition === operation ? changed : definition,
  );
  return { ...document, definitions };
}
