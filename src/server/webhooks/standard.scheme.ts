/**
 * Messages as JSON, signed the way of Standard Webhooks: HMAC-SHA256 over `id.timestamp.body`.
 * https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
 */
import { createHmac } from 'node:crypto';
import { z } from 'zod';
import { MINUTE, SECOND } from '../../lib/duration';
import { badRequest } from '../http-error';
import { isSameText, type InboundScheme } from './inbound-scheme';

/** How far the sender's clock may be from ours, and how late a copy may be played again. */
const TOLERANCE_MS = 5 * MINUTE;

const messageSchema = z.object({
  from: z.string().min(1),
  to: z.string().min(1),
  body: z.string().default(''),
  channel: z.enum(['sms', 'mms', 'whatsapp', 'chat']).optional(),
  occurredAt: z.iso.datetime({ offset: true }).optional(),
  media: z
    .array(z.object({ url: z.url(), contentType: z.string().default('') }))
    .max(10)
    .default([]),
});

export const standardScheme: InboundScheme = {
  contentType: 'application/json',
  read({ headers, body }) {
    const id = headers['webhook-id'];
    const message = parse(body);
    if (typeof id !== 'string' || id === '') throw badRequest('Expected a webhook-id.');
    const { from, to, media, occurredAt } = message;
    return {
      id,
      from,
      to,
      body: message.body,
      channel: message.channel ?? (media.length > 0 ? 'mms' : 'sms'),
      media,
      occurredAt: occurredAt === undefined ? undefined : new Date(occurredAt),
    };
  },
  isSigned({ headers, body, now }, secret) {
    const [id, timestamp, signatures] = ['id', 'timestamp', 'signature'].map(
      (name) => headers[`webhook-${name}`],
    );
    if (typeof id !== 'string' || typeof timestamp !== 'string') return false;
    if (typeof signatures !== 'string' || !/^\d{1,12}$/.test(timestamp)) return false;
    const age = Math.abs(now - Number(timestamp) * SECOND);
    const expected = createHmac('sha256', keyOf(secret))
      .update(`${id}.${timestamp}.${body}`, 'utf8')
      .digest('base64');
    const fits = signatures
      .split(' ')
      .reduce((found, given) => isSameText(`v1,${expected}`, given) || found, false);
    return fits && age <= TOLERANCE_MS;
  },
  accepted: { contentType: 'application/json; charset=utf-8', body: '{"received":true}' },
};

/** `whsec_` and base64, as the standard has it; anything else is the key as it stands. */
const keyOf = (secret: string): Buffer =>
  secret.startsWith('whsec_')
    ? Buffer.from(secret.slice('whsec_'.length), 'base64')
    : Buffer.from(secret, 'utf8');

function parse(body: string): z.infer<typeof messageSchema> {
  try {
    return messageSchema.parse(JSON.parse(body));
  } catch {
    // The parser's own message quotes the body.
    throw badRequest(
      'Expected JSON with from, to and body, and optionally channel, media, occurredAt.',
    );
  }
}
