import { defineKind } from '../kind/kind';
import { dateTime, integer, money, oneOf, text } from '../kind/fields';

export const event = defineKind({
  name: 'Event',
  plural: 'events',
  table: 'events',
  idPrefix: 'event',
  displayField: 'name',
  description: 'Something that takes place: a meeting, a trade show, a party.',
  fields: {
    name: text({ required: true, description: 'What the event is called.' }),
    eventType: oneOf(
      'EventType',
      {
        meeting: 'People meet in one place.',
        call: 'A call by telephone or video.',
        demo: 'A product is shown.',
        conference: 'Talks before many people.',
        trade_show: 'A fair, with a stand or without.',
        webinar: 'A talk over the internet.',
        training: 'People learn something.',
        party: 'People celebrate.',
        other: 'None of these.',
      },
      { description: 'What it is.' },
    ),
    status: oneOf(
      'EventStatus',
      {
        planned: 'Is being prepared.',
        confirmed: 'Will take place.',
        completed: 'Has taken place.',
        cancelled: 'Will not take place.',
      },
      { default: "'planned'", description: 'Whether it will take place.' },
    ),
    startsAt: dateTime({ description: 'When the whole event begins.' }),
    endsAt: dateTime({ description: 'When the whole event ends.' }),
    description: text({ maxLength: 10_000, description: 'Free text.' }),
    expectedAttendees: integer({ min: 0, description: 'How many people are expected.' }),
    budget: money({ description: 'What may be spent.' }),
  },
  parents: {
    account: {
      kind: 'Account',
      description: 'The company it is held with or for.',
      inverse: { name: 'events', description: 'Events with the company.' },
    },
    opportunity: {
      kind: 'Opportunity',
      description: 'The deal it belongs to.',
      inverse: { name: 'events', description: 'Events of the deal.' },
    },
    primaryContact: {
      kind: 'Contact',
      description: 'The person to turn to.',
      inverse: { name: 'events', description: 'Events the person is the contact for.' },
    },
    owner: {
      kind: 'User',
      description: 'The user who is in charge.',
      inverse: { name: 'events', description: 'Events the user is in charge of.' },
    },
  },
  constraints: {
    events_ends_at_check: { field: 'endsAt', message: 'must not be before startsAt' },
  },
});
