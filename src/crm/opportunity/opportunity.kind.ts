import { defineKind } from '../kind/kind';
import { boolean, date, integer, money, oneOf, text } from '../kind/fields';

export const opportunity = defineKind({
  name: 'Opportunity',
  plural: 'opportunities',
  table: 'opportunities',
  idPrefix: 'opportunity',
  displayField: 'name',
  description: 'A deal that may be won.',
  fields: {
    name: text({ required: true, description: 'What the deal is called.' }),
    stage: oneOf(
      'OpportunityStage',
      {
        prospecting: 'Somebody may be interested.',
        engaging: 'We are talking with the customer.',
        qualification: 'Need, budget and decision are being found out.',
        proposal: 'The customer has an offer.',
        negotiation: 'Terms are being discussed.',
        won: 'The customer bought.',
        lost: 'The customer did not buy.',
      },
      { default: "'prospecting'", description: 'How far the deal has come.' },
    ),
    isClosed: boolean({ computed: 'notNull', description: 'Won or lost.' }),
    isWon: boolean({ computed: 'notNull', description: 'Won.' }),
    amount: money({ description: 'What the deal is worth.' }),
    probability: integer({ min: 0, max: 100, description: 'Chance of winning, in percent.' }),
    opportunityType: oneOf(
      'OpportunityType',
      {
        new_business: 'A first deal with the customer.',
        existing_business: 'A further deal with a customer.',
        renewal: 'A contract goes on.',
      },
      { description: 'Kind of business.' },
    ),
    leadSource: text({ description: 'Where the deal came from.' }),
    nextStep: text({ description: 'What is to be done next.' }),
    description: text({ maxLength: 10_000, description: 'Free text.' }),
    engageDate: date({ description: 'Day the customer was engaged.' }),
    closeDate: date({ description: 'Day the deal was closed, or is expected to be.' }),
  },
  parents: {
    account: {
      kind: 'Account',
      description: 'The company the deal is with.',
      inverse: { name: 'opportunities', description: 'Deals with the company.' },
    },
    primaryContact: {
      kind: 'Contact',
      description: 'The person to turn to.',
      inverse: { name: 'opportunities', description: 'Deals the person is the contact for.' },
    },
    owner: {
      kind: 'User',
      description: 'The user who works on the deal.',
      inverse: { name: 'opportunities', description: 'Deals the user works on.' },
    },
  },
});
