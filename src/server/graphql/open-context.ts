/**
 * The context of one request, from its making to its end, which comes exactly once: whether the
 * request is answered, fails, runs out of time or loses its client.
 */
import { GraphQLError } from 'graphql';
import type { FastifyRequest } from 'fastify';
import type { IncomingHttpHeaders } from 'node:http';
import type { Logger } from 'pino';
import type { FairAdmission, Place } from '../admission/fair-admission';
import { clientGone } from '../http-error';
import type { RequestTrace } from '../request-trace';
import type { RequestScope } from './request-scope';
import type { ServedContext, ServerContext } from './server-context';

/** What a context is made from. */
export interface ContextRequest {
  readonly headers: IncomingHttpHeaders;
  /** Of X-Forwarded-Host behind a proxy that is trusted. */
  readonly host: string | undefined;
  readonly remoteAddress: string;
  readonly requestId: string;
  /** Aborted when the client goes away or the deadline passes. */
  readonly signal: AbortSignal;
  /** For work that is slow by its nature; its place in execution is free from then on. */
  readonly extendDeadline: (ms: number) => void;
  /** To be called where a request may be refused before there is a context that says who it is. */
  readonly onPrincipal: (principal: Exclude<ServedContext['principal'], undefined>) => void;
}

export type CreateContext = (request: ContextRequest) => Promise<ServedContext>;

export interface OpenContextDeps {
  readonly createContext: CreateContext;
  readonly admission: FairAdmission;
  readonly logger: Logger;
}

/** Makes nothing yet: Apollo asks for the context once the request has passed its first checks. */
export class OpenContext {
  #created: Promise<ServedContext> | undefined;
  #failure: { readonly error: unknown } | undefined;
  #place: Place | undefined;
  #hasEnded = false;

  constructor(
    private readonly request: FastifyRequest,
    private readonly scope: RequestScope,
    private readonly deps: OpenContextDeps,
  ) {}

  /** Why the context could not be made; Apollo's own answer to that is discarded. */
  get failure(): { readonly error: unknown } | undefined {
    return this.#failure;
  }

  async create(): Promise<ServerContext> {
    const { request, scope } = this;
    const { trace } = request;
    try {
      this.#created = this.deps.createContext(new AskedOfContext(request, scope, this.#onLongWork));
      const context = await this.#created;
      // Nobody would leave a place that is taken now.
      if (this.#hasEnded) throw clientGone();
      nameWho(trace, context.principal);
      if (context.principal) scope.onStop((reason) => context.session?.cancel(reason));
      const whose = trace.tenantId ?? trace.operatorId ?? request.ip;
      this.#place = this.deps.admission.take(whose);
      if (this.#place.admitted !== undefined) await this.#place.admitted;
      return Object.assign(context, { trace });
    } catch (error) {
      this.#failure = { error };
      throw new GraphQLError('The context could not be made.');
    }
  }

  /** Ends the context exactly once, also one that is finished after the request was given up. */
  end(): void {
    this.#hasEnded = true;
    this.#place?.leave();
    // The response does not wait for it, and a context that failed to open has nothing to end.
    this.#created?.then(
      (context) => context.end().catch(this.#onEndFailed),
      () => undefined,
    );
  }

  /** What takes so long waits for others than the loop: nobody is kept out for it meanwhile. */
  readonly #onLongWork = (ms: number): void => {
    this.scope.extendDeadline(ms);
    this.#place?.leave();
  };

  readonly #onEndFailed = (error: unknown): void => {
    this.deps.logger.error({ requestId: this.request.id, err: error }, 'context did not end');
  };
}

/** What a context is made from, of what few requests ask found out when they do. */
class AskedOfContext implements ContextRequest {
  constructor(
    private readonly request: FastifyRequest,
    private readonly scope: RequestScope,
    readonly extendDeadline: ContextRequest['extendDeadline'],
  ) {}

  get headers(): IncomingHttpHeaders {
    return this.request.headers;
  }
  get host(): string | undefined {
    return this.request.host;
  }
  get remoteAddress(): string {
    return this.request.ip;
  }
  get requestId(): string {
    return this.request.id;
  }
  get signal(): AbortSignal {
    return this.scope.signal;
  }
  readonly onPrincipal: ContextRequest['onPrincipal'] = (principal) =>
    nameWho(this.request.trace, principal);
}

function nameWho(trace: RequestTrace, principal: ServedContext['principal']): void {
  if (principal === undefined) return;
  if ('operatorId' in principal) {
    trace.operatorId = principal.operatorId;
  } else {
    trace.tenantId = principal.tenantId;
    trace.userId = principal.userId;
  }
}
