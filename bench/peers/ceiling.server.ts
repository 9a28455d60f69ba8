/**
 * What Apollo Server leaves of the limit: its pipeline, and nothing else of a product. The statement of
 * the limit is run where an operation would be executed, and its text is the answer as it is; there is
 * no log-in, no log, no limit, and no resolver. Behind node:http, as the limit.
 */
import { createServer, type IncomingMessage } from 'node:http';
import { ApolloServer, HeaderMap } from '@apollo/server';
import { Kind, type OperationDefinitionNode } from 'graphql';
import { createLimitDatabase } from './limit.database';
import { SCHEMA } from './peer-schema';
import { readPeerSettings, tenantOf } from './peer-settings';
import { readBody, sendJson } from './plain-http';

interface Context {
  readonly tenantId: string;
}

/** By the root field of the common schema. */
const STATEMENT_OF: Readonly<Record<string, string>> = {
  account: 'q1',
  createContact: 'q4',
  accountsOfIndustry: 'q5',
  searchRecords: 'q6',
};

function statementOf({ selectionSet }: OperationDefinitionNode): string {
  const [field] = selectionSet.selections;
  if (field?.kind !== Kind.FIELD) throw new Error('Expected a field.');
  if (field.name.value !== 'accounts') return STATEMENT_OF[field.name.value] ?? '';
  return field.selectionSet?.selections.some(
    (selected) => selected.kind === Kind.FIELD && selected.name.value === 'contacts',
  )
    ? 'q3'
    : 'q2';
}

async function start(): Promise<void> {
  const settings = readPeerSettings();
  const ask = createLimitDatabase(settings);
  const apollo = new ApolloServer<Context>({
    typeDefs: SCHEMA,
    plugins: [
      {
        requestDidStart: async () => ({
          responseForOperation: async ({ contextValue, operation, request, response }) => {
            const { input, ...variables } = (request.variables ?? {}) as Record<string, string>;
            const json = await ask(
              contextValue.tenantId,
              statementOf(operation as OperationDefinitionNode),
              (input ?? variables) as unknown as Record<string, string>,
            );
            const singleResult = { data: null, extensions: { json } };
            return { http: response.http, body: { kind: 'single', singleResult } };
          },
        }),
      },
    ],
    stringifyResult: ({ extensions }) => (extensions as { json: string }).json,
  });
  await apollo.start();
  const answer = async (request: IncomingMessage): Promise<string> => {
    const headers = new HeaderMap();
    headers.set('content-type', request.headers['content-type'] ?? '');
    const { body } = await apollo.executeHTTPGraphQLRequest({
      httpGraphQLRequest: {
        method: 'POST',
        headers,
        search: '',
        body: JSON.parse(await readBody(request)),
      },
      context: async () => ({ tenantId: tenantOf(request.headers) }),
    });
    if (body.kind !== 'complete') throw new Error('Expected an answer in one piece.');
    return body.string;
  };
  createServer((request, response) => {
    void answer(request).then(
      (json) => sendJson(response, json),
      (error: unknown) => response.writeHead(500).end(String(error)),
    );
  }).listen(settings.port, '127.0.0.1');
}

void start();
