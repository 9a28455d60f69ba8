/** What the ways of delivering a message have in common: they are read, and proved by a signature. */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

export interface SignedRequest {
  readonly headers: IncomingHttpHeaders;
  /** As it came, for the signature is over its bytes. */
  readonly body: string;
  /** The URL that was called, in the spellings that it may have been given to the sender in. */
  readonly urls: readonly string[];
  /** Milliseconds since 1970. */
  readonly now: number;
}

export interface Delivery {
  /** The sender's id of the message: the same when it is delivered again. */
  readonly id: string;
  readonly from: string;
  readonly to: string;
  readonly body: string;
  readonly channel: 'sms' | 'mms' | 'whatsapp' | 'chat';
  readonly media: readonly { readonly url: string; readonly contentType: string }[];
  /** Undefined where the sender does not say. */
  readonly occurredAt: Date | undefined;
}

export interface InboundScheme {
  readonly contentType: string;
  /** @throws HttpError 400 for what is no message. */
  read(request: SignedRequest): Delivery;
  isSigned(request: SignedRequest, secret: string): boolean;
  /** What the sender is told when the message is stored. */
  readonly accepted: { readonly contentType: string; readonly body: string };
}

/** Takes as long whatever the texts: a signature must not be guessed byte by byte. */
export function isSameText(a: string, b: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}
