/**
 * OpenTelemetry traces, sent to an OTLP/HTTP receiver. Loaded only when an endpoint is configured.
 * Nothing is patched: the few places worth a span say so through `Tracer`. What cannot be sent is
 * dropped; a receiver that is down costs no request anything.
 */
import type { Context, Span } from '@opentelemetry/api';
import type { IncomingHttpHeaders } from 'node:http';
import type { TracingConfig } from '../../config';
import { SECOND } from '../../lib/duration';
import type { SpanFacts, Tracer } from '../../lib/tracer';

export interface RequestSpan {
  /** As `traceparent` writes it, for the answer; undefined when nothing of this request is kept. */
  readonly traceparent: string;
  readonly traceId: string;
  /** Runs what follows as part of the request. */
  enter(next: () => void): void;
  end(name: string, facts: SpanFacts, failed: boolean): void;
}

export interface Tracing {
  readonly tracer: Tracer;
  /** Goes on with the caller's trace when its `traceparent` names one. */
  beginRequest(headers: IncomingHttpHeaders): RequestSpan;
  /** Sends what is left; safe to call twice. */
  close(): Promise<void>;
}

const SEND_EVERY_MS = 2 * SECOND;
const CLOSE_WITHIN_MS = 3 * SECOND;

export async function createTracing(config: TracingConfig): Promise<Tracing> {
  const [api, sdk, { OTLPTraceExporter }, { resourceFromAttributes }] = await Promise.all([
    import('@opentelemetry/api'),
    import('@opentelemetry/sdk-trace-node'),
    import('@opentelemetry/exporter-trace-otlp-http'),
    import('@opentelemetry/resources'),
  ]);
  const provider = new sdk.NodeTracerProvider({
    resource: resourceFromAttributes({ 'service.name': config.serviceName }),
    sampler: new sdk.ParentBasedSampler({
      root: new sdk.TraceIdRatioBasedSampler(config.sampledShare),
    }),
    spanProcessors: [
      new sdk.BatchSpanProcessor(
        new OTLPTraceExporter({
          url: `${config.endpoint.replace(/\/+$/, '')}/v1/traces`,
          headers: parseHeaders(config.headers),
          timeoutMillis: CLOSE_WITHIN_MS,
        }),
        { scheduledDelayMillis: SEND_EVERY_MS },
      ),
    ],
  });
  provider.register(); // the context of asynchronous work, and the form of `traceparent`
  const { context, propagation, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } = api;
  const spans = provider.getTracer('cloister');

  const fail = (span: Span, error: unknown): void => {
    // What it was, and not its message, which may quote a value.
    const type = error instanceof Error ? error.name : typeof error;
    span.setAttribute('error.type', type);
    span.setStatus({ code: SpanStatusCode.ERROR });
  };

  const tracer: Tracer = {
    span: (name, facts, work) =>
      spans.startActiveSpan(name, { attributes: facts }, async (span) => {
        try {
          return await work();
        } catch (error) {
          fail(span, error);
          throw error;
        } finally {
          span.end();
        }
      }),
    past(name, facts, seconds) {
      const endTime = Date.now();
      const startTime = endTime - seconds * SECOND;
      spans.startSpan(name, { attributes: facts, startTime }).end(endTime);
    },
  };

  let closed: Promise<void> | undefined;
  return {
    tracer,
    beginRequest(headers) {
      const parent: Context = propagation.extract(ROOT_CONTEXT, headers);
      const span = spans.startSpan('HTTP', { kind: SpanKind.SERVER }, parent);
      const within = trace.setSpan(parent, span);
      const { traceId, spanId, traceFlags } = span.spanContext();
      return {
        traceId,
        traceparent: `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`,
        enter: (next) => context.with(within, next),
        end(name, facts, failed) {
          span.updateName(name).setAttributes(facts);
          if (failed) span.setStatus({ code: SpanStatusCode.ERROR });
          span.end();
        },
      };
    },
    close() {
      closed ??= provider
        .shutdown()
        .catch(() => undefined) // the receiver is away: its loss
        .finally(() => {
          trace.disable();
          context.disable();
          propagation.disable();
        });
      return closed;
    },
  };
}

/** `name=value[,name=value…]`, as the specification of OpenTelemetry's variables has it. */
function parseHeaders(text = ''): Record<string, string> {
  const pairs = text.split(',').flatMap((pair) => {
    const [name = '', ...value] = pair.split('=');
    return name.trim() === '' ? [] : [[name.trim(), decodeURIComponent(value.join('=').trim())]];
  });
  return Object.fromEntries(pairs) as Record<string, string>;
}
