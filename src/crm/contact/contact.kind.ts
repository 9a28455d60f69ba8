import { defineKind } from '../kind/kind';
import { address, boolean, date, email, phone, text } from '../kind/fields';
import { refusingCycles } from '../kind/refuse-cycle';

export const contact = defineKind({
  name: 'Contact',
  plural: 'contacts',
  table: 'contacts',
  idPrefix: 'contact',
  displayField: 'fullName',
  search: ['fullName', 'email', 'phone', 'mobilePhone'],
  description: 'A person that business is done with.',
  fields: {
    firstName: text({ description: 'Given name.' }),
    lastName: text({ required: true, description: 'Family name.' }),
    fullName: text({ computed: 'notNull', description: 'Given and family name.' }),
    email: email({ description: 'E-mail address.' }),
    phone: phone({ description: 'Telephone at work.' }),
    mobilePhone: phone({ description: 'Mobile telephone.' }),
    title: text({ description: 'Job title.' }),
    department: text({ description: 'Department the person works in.' }),
    birthDate: date({ description: 'Date of birth.' }),
    description: text({ maxLength: 10_000, description: 'Free text.' }),
    doNotContact: boolean({
      default: 'false',
      description: 'The person asked not to be contacted.',
    }),
    mailingAddress: address({ description: 'Where letters go.' }),
  },
  parents: {
    account: {
      kind: 'Account',
      description: 'The company the person works for.',
      inverse: { name: 'contacts', description: 'People who work for the company.' },
    },
    reportsTo: {
      kind: 'Contact',
      description: 'The person’s superior.',
      inverse: { name: 'reports', description: 'People who report to this one.' },
    },
    owner: {
      kind: 'User',
      description: 'The user who looks after the contact.',
      inverse: { name: 'contacts', description: 'Contacts the user looks after.' },
    },
  },
  constraints: {
    contacts_reports_to_id_check: {
      field: 'reportsToId',
      message: 'would put the contact above themself',
    },
  },
  rules: refusingCycles('contacts', 'reportsTo'),
});
