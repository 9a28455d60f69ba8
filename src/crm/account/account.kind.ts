import { defineKind } from '../kind/kind';
import { address, email, integer, money, oneOf, phone, text, url } from '../kind/fields';
import { refusingCycles } from '../kind/refuse-cycle';

export const account = defineKind({
  name: 'Account',
  plural: 'accounts',
  table: 'accounts',
  idPrefix: 'account',
  displayField: 'name',
  search: ['name', 'website', 'email', 'phone'],
  description: 'A company or organisation that business is done with.',
  fields: {
    name: text({ required: true, description: 'What the company is called.' }),
    accountType: oneOf(
      'AccountType',
      {
        prospect: 'May become a customer.',
        customer: 'Buys from us.',
        partner: 'Sells or works together with us.',
        vendor: 'Sells to us.',
        competitor: 'Sells what we sell.',
        other: 'None of these.',
      },
      { description: 'The company’s relation to us.' },
    ),
    industry: text({ description: 'Branch of business, in the tenant’s own words.' }),
    website: url({ description: 'Home page.' }),
    email: email({ description: 'General e-mail address.' }),
    phone: phone({ description: 'Main telephone number.' }),
    description: text({ maxLength: 10_000, description: 'Free text.' }),
    annualRevenue: money({ description: 'Revenue of a year.' }),
    employeeCount: integer({ min: 0, description: 'Number of employees.' }),
    foundedYear: integer({ min: 1000, max: 9999, description: 'Year the company was founded.' }),
    billingAddress: address({ description: 'Where invoices go.' }),
    shippingAddress: address({ description: 'Where goods go.' }),
  },
  parents: {
    parent: {
      kind: 'Account',
      description: 'The company this one is a subsidiary of.',
      inverse: { name: 'subsidiaries', description: 'Companies that belong to this one.' },
    },
    owner: {
      kind: 'User',
      description: 'The user who looks after the account.',
      inverse: { name: 'accounts', description: 'Accounts the user looks after.' },
    },
  },
  constraints: {
    accounts_parent_id_check: { field: 'parentId', message: 'would put the account above itself' },
  },
  rules: refusingCycles('accounts', 'parent'),
});
