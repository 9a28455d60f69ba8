/**
 * Mutations with an `Idempotency-Key`: claims the key before anything is executed, and gives an answer
 * that was given before again. What is kept is the answer in its final form.
 */
import {
  HeaderMap,
  type GraphQLRequestContextResponseForOperation,
  type GraphQLRequestContextWillSendResponse,
  type GraphQLResponse,
} from '@apollo/server';
import {
  GraphQLError,
  Kind,
  type DocumentNode,
  type ExecutionResult,
  type GraphQLObjectType,
  type OperationDefinitionNode,
  type SelectionSetNode,
} from 'graphql';
import { AppError } from '../../errors';
import { extensionsOf } from '../../graphql/extensions';
import { REPLAYED_HEADER } from '../../lib/idempotency-header';
import type { Claim, IdempotencyKey } from '../../request/context';
import type { ServerContext } from './server-context';

export interface IdempotentAnswers {
  /** @returns the answer that was given before, or a refusal; null for what is to be executed. */
  claim(
    request: GraphQLRequestContextResponseForOperation<ServerContext>,
    key: IdempotencyKey,
  ): Promise<GraphQLResponse | null>;
  /** Keeps the answer of what was claimed. */
  keep(
    request: GraphQLRequestContextWillSendResponse<ServerContext>,
    key: IdempotencyKey,
  ): Promise<void>;
}

export function createIdempotentAnswers(): IdempotentAnswers {
  /** Each request has a key of its own, also where they are spelt alike. */
  const held = new WeakMap<IdempotencyKey, Claim>();
  return {
    async claim({ schema, document, operation, request }, key) {
      // Apollo's types forget an operation name that names none.
      const asked = operation as OperationDefinitionNode | undefined;
      const mutations = schema.getMutationType();
      if (asked?.operation !== 'mutation' || !mutations) return null;
      try {
        assertTakesKey(document, asked, mutations);
        const { query = '', operationName, variables = {} } = request;
        const found = await key.claim({ query, operationName, variables });
        if ('answer' in found) return replay(found.answer);
        held.set(key, found.claim);
        return null;
      } catch (error) {
        return refuse(error);
      }
    },
    async keep({ response: { body, http } }, key) {
      const claim = held.get(key);
      if (claim === undefined || body.kind !== 'single') return;
      const { errors = [] } = body.singleResult;
      const isAnswered = (http.status ?? 200) === 200;
      await claim.finish({
        answer: isAnswered ? JSON.stringify(body.singleResult) : undefined,
        hasErrors: errors.length > 0,
      });
    },
  };
}

/**
 * @throws BAD_REQUEST for fields that write elsewhere than in the session's transactions: nobody could
 * tell what a process that died has done of them. Without a word the client would rely on its key.
 */
function assertTakesKey(
  document: DocumentNode,
  { selectionSet }: OperationDefinitionNode,
  mutations: GraphQLObjectType,
): void {
  for (const name of rootFieldsOf(document, selectionSet)) {
    const field = mutations.getFields()[name];
    if (field === undefined || extensionsOf(field).takesIdempotencyKey === true) continue;
    throw new AppError(
      'BAD_REQUEST',
      `The mutation ${name} takes no Idempotency-Key: send it without one.`,
      { details: { reason: 'IDEMPOTENCY_KEY_NOT_TAKEN' } },
    );
  }
}

/** The document is valid: its fragments exist, and none is in itself. */
function rootFieldsOf(document: DocumentNode, { selections }: SelectionSetNode): string[] {
  return selections.flatMap((selection) => {
    if (selection.kind === Kind.FIELD) return [selection.name.value];
    if (selection.kind === Kind.INLINE_FRAGMENT) {
      return rootFieldsOf(document, selection.selectionSet);
    }
    const fragment = document.definitions.find(
      (definition) =>
        definition.kind === Kind.FRAGMENT_DEFINITION &&
        definition.name.value === selection.name.value,
    );
    return fragment?.kind === Kind.FRAGMENT_DEFINITION
      ? rootFieldsOf(document, fragment.selectionSet)
      : [];
  });
}

/** What JSON holds is written as it was: fields in their order, numbers and texts alike. */
function replay(answer: string): GraphQLResponse {
  return respond(JSON.parse(answer) as ExecutionResult, new HeaderMap([[REPLAYED_HEADER, 'true']]));
}

const refuse = (error: unknown): GraphQLResponse =>
  respond({ errors: [asGraphQLError(error)] }, new HeaderMap());

const asGraphQLError = (error: unknown): GraphQLError =>
  error instanceof Error
    ? new GraphQLError(error.message, { originalError: error })
    : new GraphQLError('Something was thrown that is no error.');

const respond = (singleResult: ExecutionResult, headers: HeaderMap): GraphQLResponse =>
  ({ body: { kind: 'single', singleResult }, http: { headers } }) as GraphQLResponse;
