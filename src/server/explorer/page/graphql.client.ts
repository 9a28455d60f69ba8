/** GraphQL over HTTP, as much of it as the page needs: one POST, one JSON answer. */
export interface GraphqlRequest {
  readonly query: string;
  readonly operationName?: string | null | undefined;
  readonly variables?: unknown;
}

export interface GraphqlError {
  readonly message: string;
  readonly extensions?: Readonly<Record<string, unknown>>;
}

export interface GraphqlAnswer {
  readonly status: number;
  /** The server's clock when it answered, if it said: tokens expire by that clock, not by ours. */
  readonly serverTimeMs: number | undefined;
  readonly body: { readonly data?: unknown; readonly errors?: readonly GraphqlError[] };
}

export type GraphqlClient = (
  request: GraphqlRequest,
  headers?: Readonly<Record<string, string>>,
) => Promise<GraphqlAnswer>;

export const createGraphqlClient =
  (url: string, fetchFunction: typeof fetch): GraphqlClient =>
  async (request, headers = {}) => {
    const response = await fetchFunction(url, {
      method: 'POST',
      headers: {
        accept: 'application/graphql-response+json, application/json;q=0.9',
        'content-type': 'application/json',
        ...headers,
      },
      body: JSON.stringify(request),
    });
    const date = Date.parse(response.headers.get('date') ?? '');
    const text = await response.text();
    let body: unknown;
    try {
      body = JSON.parse(text);
    } catch {
      body = undefined;
    }
    if (typeof body !== 'object' || body === null) {
      throw new Error(
        `Expected a JSON answer from ${url}, got HTTP ${response.status}: is the server up?`,
      );
    }
    return {
      status: response.status,
      serverTimeMs: Number.isNaN(date) ? undefined : date,
      body,
    };
  };

export const isUnauthenticated = (answer: GraphqlAnswer): boolean =>
  answer.status === 401 ||
  (answer.body.errors ?? []).some((error) => error.extensions?.['code'] === 'UNAUTHENTICATED');
