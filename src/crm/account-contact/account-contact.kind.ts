import { defineKind } from '../kind/kind';
import { boolean, date, text } from '../kind/fields';

export const accountContact = defineKind({
  name: 'AccountContact',
  plural: 'accountContacts',
  table: 'account_contacts',
  idPrefix: 'acctcontact',
  displayField: 'role',
  description:
    'A person’s relation to a company beside the one they work for, such as a consultant’s.',
  fields: {
    role: text({ description: 'What the person is to the company.' }),
    isPrimary: boolean({ default: 'false', description: 'First person to turn to.' }),
    startedOn: date({ description: 'First day of the relation.' }),
    endedOn: date({ description: 'Last day of the relation.' }),
  },
  parents: {
    account: {
      kind: 'Account',
      required: true,
      owned: true,
      description: 'The company.',
      inverse: { name: 'contactRelationships', description: 'People related to the company.' },
    },
    contact: {
      kind: 'Contact',
      required: true,
      owned: true,
      description: 'The person.',
      inverse: { name: 'accountRelationships', description: 'Companies the person is related to.' },
    },
  },
  constraints: {
    account_contacts_ended_on_check: { field: 'endedOn', message: 'must not be before startedOn' },
    account_contacts_account_id_contact_id_role_key: {
      field: 'role',
      message: 'is already the contact’s role at this account',
    },
  },
});
