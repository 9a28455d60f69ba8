/**
 * Stores a message that came in, once, beside the contact whose number it came from.
 *
 * A number that no contact has, or several have, gives no contact: the message is kept without one
 * and says so (`contactMatch`), for a wrong contact is worse than none and people merge and correct
 * what a machine should not guess. No contact is made for a stranger.
 */
import { uuidv7 } from 'uuidv7';
import { DAY } from '../../lib/duration';
import type { RequestContext } from '../../request/context';

export interface InboundMessage {
  readonly provider: string;
  /** The provider's id: a message with one that is known already is left as it is. */
  readonly id: string;
  readonly from: string;
  readonly to: string;
  readonly body: string;
  readonly channel: string;
  readonly media: readonly object[];
  readonly occurredAt: Date | undefined;
}

/** At most two are looked for: one is the contact, two are too many. */
const RECORD = `
  with found as (
    select id, account_id, owner_id from (
      (select id, account_id, owner_id from cloister.contacts
        where tenant_id = $1 and phone = $2 and deleted_at is null limit 2)
      union
      (select id, account_id, owner_id from cloister.contacts
        where tenant_id = $1 and mobile_phone = $2 and deleted_at is null limit 2)
    ) either limit 2
  ), contact as (
    select * from found where (select count(*) from found) = 1
  )
  insert into cloister.communications (
    tenant_id, id, channel, direction, status, sender, recipient, body, media, occurred_at,
    provider, provider_message_id, contact_match, contact_id, account_id, owner_id)
  select $1, $3, $4, 'inbound', 'received', $2, $5, $6, $7::jsonb, coalesce($8::timestamptz, now()), $9, $10,
    case (select count(*) from found) when 0 then 'unknown' when 1 then 'matched' else 'ambiguous' end,
    (select id from contact),
    (select a.id from cloister.accounts a join contact c on a.tenant_id = $1 and a.id = c.account_id
      where a.deleted_at is null),
    (select u.id from cloister.users u join contact c on u.tenant_id = $1 and u.id = c.owner_id
      where u.deleted_at is null)
  on conflict (tenant_id, provider, provider_message_id) where provider_message_id is not null do nothing
  returning id`;

const MAX_NAME = 320;
const MAX_ID = 255;
const MAX_BODY = 100_000;

/** @returns false when the message was stored before. */
export async function recordInbound(
  session: Pick<RequestContext['session'], 'transaction'>,
  message: InboundMessage,
): Promise<boolean> {
  const { media, occurredAt } = message;
  const stored = await session.transaction((tx) =>
    tx.query<{ id: string }>({
      text: RECORD,
      values: [
        tx.localTenantId,
        storable(message.from, MAX_NAME),
        uuidv7(),
        message.channel,
        storable(message.to, MAX_NAME),
        storable(message.body, MAX_BODY),
        media.length === 0 ? null : storable(JSON.stringify(media), MAX_BODY),
        plausible(occurredAt),
        message.provider,
        storable(message.id, MAX_ID),
      ],
    }),
  );
  return stored.length > 0;
}

/** Postgres takes neither NUL nor half a surrogate pair; a message is not lost for one. */
const storable = (text: string, maxLength: number): string =>
  Buffer.from(text.replaceAll('\u0000', ''), 'utf8').toString('utf8').slice(0, maxLength);

/** A clock that is far ahead would keep the message on top of every list. */
const plausible = (at: Date | undefined): Date | null =>
  at === undefined || at.getTime() > Date.now() + DAY ? null : at;
