import { defineKind } from '../kind/kind';
import { decimal, integer, money, text } from '../kind/fields';

export const opportunityLineItem = defineKind({
  name: 'OpportunityLineItem',
  plural: 'opportunityLineItems',
  table: 'opportunity_line_items',
  idPrefix: 'lineitem',
  displayField: 'description',
  defaultOrder: { field: 'POSITION', direction: 'asc', meaning: 'by position' },
  description: 'Something offered in a deal: a product, or words for what is none.',
  fields: {
    description: text({ maxLength: 2000, description: 'What is offered.' }),
    quantity: decimal({ default: '1', description: 'How many; more than zero.' }),
    unitPrice: money({ description: 'Price of one.' }),
    discountPercent: decimal({ min: 0, max: 100, description: 'Discount in percent.' }),
    totalPrice: money({
      computed: 'nullable',
      description: 'Quantity × unit price, less the discount.',
    }),
    position: integer({ default: '0', description: 'Place in the list.' }),
  },
  parents: {
    opportunity: {
      kind: 'Opportunity',
      required: true,
      owned: true,
      description: 'The deal.',
      inverse: { name: 'lineItems', description: 'What the deal offers.' },
    },
    product: {
      kind: 'Product',
      description: 'The product, if it is one.',
      inverse: { name: 'lineItems', description: 'Offers of the product.' },
    },
  },
  constraints: {
    opportunity_line_items_quantity_check: { field: 'quantity', message: 'must be more than zero' },
  },
});
