import { defineKind } from '../kind/kind';
import { address, integer, phone, text, url } from '../kind/fields';

export const location = defineKind({
  name: 'Location',
  plural: 'locations',
  table: 'locations',
  idPrefix: 'location',
  displayField: 'name',
  description: 'A place where events are held.',
  fields: {
    name: text({ required: true, description: 'What the place is called.' }),
    description: text({ maxLength: 10_000, description: 'Free text.' }),
    address: address({ column: 'postal_address', description: 'Where the place is.' }),
    timeZone: text({ description: 'IANA time zone, such as Europe/Vienna.' }),
    capacity: integer({ min: 0, description: 'How many people fit in.' }),
    phone: phone({ description: 'Telephone number.' }),
    website: url({ description: 'Home page.' }),
  },
});
