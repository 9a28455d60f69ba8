/** What a demo tenant wrote and said to its customers, and they to it, over the last weeks. */
import type { Company, Person } from './demo-companies';
import type { Deal } from './demo-pipeline';
import { dayFrom, externalId, hourAt, type DemoRecord, type DemoWorld } from './demo-world';

/** Of a hundred deals, how many were talked about, and how often. */
const TALKED_ABOUT = 0.5;
const MOST_MESSAGES = 4;
const FARTHEST_DAYS = 60;

const MESSAGES = [
  {
    channel: 'email',
    direction: 'outbound',
    status: 'delivered',
    subject: 'Our offer',
    body: 'Please find our offer attached. I am glad to go through it with you.',
  },
  {
    channel: 'email',
    direction: 'inbound',
    status: 'received',
    subject: 'Re: Our offer',
    body: 'Thank you. Two questions on delivery: how soon, and who installs it?',
  },
  {
    channel: 'call',
    direction: 'outbound',
    status: 'completed',
    subject: 'Call on open questions',
    body: 'Agreed to send a revised schedule. Decision next month.',
  },
  {
    channel: 'sms',
    direction: 'inbound',
    status: 'received',
    subject: null,
    body: 'Running ten minutes late, sorry!',
  },
  {
    channel: 'sms',
    direction: 'outbound',
    status: 'delivered',
    subject: null,
    body: 'No hurry, we start when you are here.',
  },
] as const;

export function makeCommunications(
  world: DemoWorld,
  deals: readonly Deal[],
  people: readonly Person[],
): DemoRecord[] {
  const { faker } = world;
  const contacts = new Map(people.map(({ record }) => [record.externalId, record]));
  return deals
    .filter(() => faker.datatype.boolean(TALKED_ABOUT))
    .flatMap((deal) =>
      faker.helpers
        .arrayElements(MESSAGES, { min: 1, max: MOST_MESSAGES })
        .map((message) => ({ deal, message })),
    )
    .map(({ deal, message }, index) =>
      makeCommunication(world, index + 1, { ...deal, message, contacts }),
    );
}

interface Talk {
  readonly record: DemoRecord;
  readonly company: Company;
  readonly contactId: string;
  readonly message: (typeof MESSAGES)[number];
  readonly contacts: ReadonlyMap<string, DemoRecord>;
}

function makeCommunication(
  world: DemoWorld,
  number: number,
  { record: deal, company, contactId, message, contacts }: Talk,
): DemoRecord {
  const { faker } = world;
  const contact = contacts.get(contactId);
  const theirs = (message.channel === 'email' ? contact?.['email'] : contact?.['phone']) ?? null;
  const isInbound = message.direction === 'inbound';
  const day = dayFrom(world, -faker.number.int({ min: 1, max: FARTHEST_DAYS }));
  return {
    externalId: externalId('communication', number),
    ...message,
    sender: isInbound ? theirs : null,
    recipient: isInbound ? null : theirs,
    occurredAt: hourAt(day, faker.number.int({ min: 8, max: 17 }), company.place),
    contactId,
    accountId: company.record.externalId,
    opportunityId: deal.externalId,
    ownerId: company.ownerId,
  };
}
