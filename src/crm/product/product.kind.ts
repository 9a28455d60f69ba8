import { defineKind } from '../kind/kind';
import { boolean, money, text } from '../kind/fields';

export const product = defineKind({
  name: 'Product',
  plural: 'products',
  table: 'products',
  idPrefix: 'product',
  displayField: 'name',
  description: 'Something that is sold.',
  fields: {
    name: text({ required: true, description: 'What the product is called.' }),
    sku: text({ description: 'Article number, unique among the tenant’s products.' }),
    family: text({ description: 'Series or family of products.' }),
    description: text({ maxLength: 10_000, description: 'Free text.' }),
    listPrice: money({ description: 'Price without discount.' }),
    isActive: boolean({ default: 'true', description: 'Whether it is sold at present.' }),
  },
  constraints: { products_sku_key: { field: 'sku', message: 'is already another product’s' } },
});
