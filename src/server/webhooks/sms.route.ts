/**
 * `POST /webhooks/sms/<scheme>`: a message came in for a telephone number.
 *
 * Whoever calls is a stranger until the signature holds: a number that is nobody's, one that is
 * signed otherwise and a wrong signature get the same answer at the same cost. What was stored is
 * acknowledged; what could not be (the tenant's database is down, the tenant is suspended) is refused
 * with Retry-After, so that the sender keeps it.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import { rateLimited } from '../../errors';
import { HOUR, MINUTE, SECOND } from '../../lib/duration';
import { HttpError } from '../http-error';
import type { Delivery, InboundScheme, SignedRequest } from './inbound-scheme';
import { standardScheme } from './standard.scheme';
import { twilioScheme } from './twilio.scheme';

/** A message as it is stored: with who carried it. */
export type ProvidedMessage = Delivery & { readonly provider: string };

export type ReceiveMessage = (received: {
  readonly to: string;
  readonly scheme: string;
  readonly isSigned: (secret: string) => boolean;
  /** Called once the message is believed; what it throws refuses it. */
  readonly admit: () => Promise<void>;
  readonly message: ProvidedMessage;
  readonly requestId: string;
}) => Promise<
  | { readonly kind: 'stored'; readonly tenantId: string }
  | { readonly kind: 'refused' }
  | { readonly kind: 'outOfService'; readonly tenantId: string; readonly reason: Error }
>;

export interface SmsWebhookOptions {
  readonly receive: ReceiveMessage;
  /** In this process: of one address, and of one number. */
  readonly refusalsPerMinute?: number;
  readonly messagesPerMinute?: number;
}

const SCHEMES: Readonly<Record<string, InboundScheme>> = {
  twilio: twilioScheme,
  standard: standardScheme,
};
const REFUSALS_PER_MINUTE = 60;
const MESSAGES_PER_MINUTE = 600;

export function registerSmsWebhooks(app: FastifyInstance, options: SmsWebhookOptions): void {
  const { refusalsPerMinute = REFUSALS_PER_MINUTE, messagesPerMinute = MESSAGES_PER_MINUTE } =
    options;
  const duration = MINUTE / SECOND;
  const limits = {
    refusals: new RateLimiterMemory({ points: refusalsPerMinute, duration }),
    messages: new RateLimiterMemory({ points: messagesPerMinute, duration }),
  };
  for (const [name, scheme] of Object.entries(SCHEMES)) {
    void app.register(async (scope) => {
      takeAsText(scope, scheme.contentType);
      scope.post(`/webhooks/sms/${name}`, (request, reply) =>
        answer(request, reply, { ...options, name, scheme, limits }),
      );
    });
  }
}

/** In this scope alone: the signature is over the bytes, so nothing may parse them before. */
function takeAsText(scope: FastifyInstance, contentType: string): void {
  if (scope.hasContentTypeParser(contentType)) scope.removeContentTypeParser(contentType);
  scope.addContentTypeParser(contentType, { parseAs: 'string' }, (_request, body, done) =>
    done(null, body),
  );
}

interface Webhook extends SmsWebhookOptions {
  readonly name: string;
  readonly scheme: InboundScheme;
  readonly limits: Readonly<Record<'refusals' | 'messages', RateLimiterMemory>>;
}

async function answer(
  request: FastifyRequest,
  reply: FastifyReply,
  { receive, name, scheme, limits }: Webhook,
): Promise<FastifyReply> {
  await spend(limits.refusals, request.ip, 0);
  const signed = signedRequestOf(request);
  const message = scheme.read(signed);
  const reception = await receive({
    to: message.to,
    scheme: name,
    isSigned: (secret) => scheme.isSigned(signed, secret),
    admit: () => spend(limits.messages, message.to, 1),
    message: { provider: name, ...message },
    requestId: request.id,
  });
  if (reception.kind === 'refused') {
    await spend(limits.refusals, request.ip, 1);
    throw new HttpError(403, 'The message is not signed as its number’s messages are.');
  }
  request.trace.tenantId = reception.tenantId;
  if (reception.kind === 'outOfService') {
    void reply.header('retry-after', String(HOUR / SECOND));
    throw reception.reason;
  }
  return reply.type(scheme.accepted.contentType).send(scheme.accepted.body);
}

/** @throws AppError RATE_LIMITED when nothing is left. */
async function spend(limiter: RateLimiterMemory, key: string, points: number): Promise<void> {
  try {
    await limiter.consume(key, points);
  } catch (refused) {
    if (!(refused instanceof RateLimiterRes)) throw refused;
    throw rateLimited(Math.max(1, Math.ceil(refused.msBeforeNext / SECOND)));
  }
}

/** Behind a proxy the protocol and the port that the sender used need not be ours. */
function signedRequestOf({ headers, host, url, body }: FastifyRequest): SignedRequest {
  const hosts = [...new Set([host, host.replace(/:\d+$/, '')])];
  const urls = ['https', 'http'].flatMap((protocol) =>
    hosts.map((name) => `${protocol}://${name}${url}`),
  );
  return { headers, body: typeof body === 'string' ? body : '', urls, now: Date.now() };
}
