/** Whatever goes wrong outside a GraphQL response is answered in the same JSON form as inside one. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { Logger } from 'pino';
import { formatError } from '../format-error';
import { HttpError, badRequest, clientGone } from '../http-error';
import { logFailure } from '../log-failure';
import type { RequestTrace } from '../request-trace';
import { JSON_RESPONSE, negotiateMediaType, retryAfterOf, statusOf } from '../response-status';

export function registerErrors(app: FastifyInstance, logger: Logger): void {
  app.setNotFoundHandler((request, reply) =>
    sendError(new HttpError(404, 'There is nothing at this path.'), request, reply, logger),
  );
  app.setErrorHandler((error, request, reply) => sendError(error, request, reply, logger));
}

/** Also for Fastify's `frameworkErrors`: a URL that cannot be decoded never meets a handler. */
export async function sendError(
  thrown: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
  logger: Logger,
): Promise<FastifyReply> {
  // A client that leaves while its body is read makes the request itself fail: not our fault.
  const error = thrown === request.raw.errored ? clientGone() : asHttpError(thrown);
  const formatted = formatError(error, request.id);
  const { code } = formatted.extensions;
  // A request that never got to the hooks has no trace.
  const trace = request.trace as RequestTrace | undefined;
  logFailure(logger, {
    requestId: request.id,
    ...(trace === undefined ? {} : { trace }),
    errors: [thrown],
    formatted: [formatted],
  });
  trace?.errorCodes.push(code);
  const retryAfter = retryAfterOf([formatted]);
  if (retryAfter) void reply.header('retry-after', retryAfter);
  if (error instanceof HttpError) void reply.headers(error.headers);
  const status =
    error instanceof HttpError
      ? error.status
      : statusOf({ errors: [formatted], accept: request.headers.accept });
  return reply
    .code(status)
    .type(`${negotiateMediaType(request.headers.accept) ?? JSON_RESPONSE}; charset=utf-8`)
    .serializer(JSON.stringify)
    .send({ errors: [formatted] });
}

/** Fastify's own refusals, in our words: its messages may quote the request. */
function asHttpError(thrown: unknown): unknown {
  const { code, statusCode } = (thrown ?? {}) as { code?: unknown; statusCode?: unknown };
  if (typeof code !== 'string' || !code.startsWith('FST_') || typeof statusCode !== 'number') {
    return thrown;
  }
  if (statusCode === 413) return new HttpError(413, 'The body is too large: ask for less at once.');
  if (statusCode === 404) return new HttpError(404, 'There is nothing at this path.');
  // An unusable content-type is 415 to Fastify; the contract of this API says 400.
  if (statusCode < 500) return badRequest('The request is malformed: check its URL and its body.');
  return thrown;
}

const CLIENT_ERROR_STATUS: Readonly<Record<string, number>> = {
  HPE_HEADER_OVERFLOW: 431,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
};

/** For Fastify's `clientErrorHandler`: bytes that never became a request, answered on the socket. */
export function answerClientError(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return;
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const status = CLIENT_ERROR_STATUS[error.code ?? ''] ?? 400;
  const reason = STATUS_CODES[status] ?? '';
  const body = JSON.stringify({ errors: [formatError(new HttpError(status, reason))] });
  socket.end(
    `HTTP/1.1 ${status} ${reason}\r\n` +
      'Content-Type: application/json; charset=utf-8\r\n' +
      `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}
