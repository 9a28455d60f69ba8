import { defineKind } from '../kind/kind';
import { dateTime, text } from '../kind/fields';

export const eventDate = defineKind({
  name: 'EventDate',
  plural: 'eventDates',
  table: 'event_dates',
  idPrefix: 'eventdate',
  displayField: 'title',
  defaultOrder: { field: 'STARTS_AT', direction: 'asc', meaning: 'first to come first' },
  description: 'A date at a place: one of an event’s, or one on its own.',
  fields: {
    title: text({ description: 'What this date is for.' }),
    startsAt: dateTime({ required: true, description: 'When it begins.' }),
    endsAt: dateTime({ description: 'When it ends.' }),
    notes: text({ maxLength: 10_000, description: 'Free text.' }),
  },
  parents: {
    event: {
      kind: 'Event',
      owned: true,
      description: 'The event, if the date belongs to one.',
      inverse: { name: 'dates', description: 'When and where the event is held.' },
    },
    location: {
      kind: 'Location',
      description: 'Where it is held.',
      inverse: { name: 'dates', description: 'What is held at the place.' },
    },
  },
  constraints: {
    event_dates_ends_at_check: { field: 'endsAt', message: 'must not be before startsAt' },
  },
});
