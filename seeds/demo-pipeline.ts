/** What a demo tenant sells, and to whom it hopes to sell it. */
import type { Company, Person } from './demo-companies';
import { catalogueOf, LEAD_SOURCES, NEXT_STEPS, PURPOSES, SERVICES, type Product } from './demo-vocabulary';
import { dayFrom, externalId, money, slugify, type DemoRecord, type DemoWorld } from './demo-world';

/** Chance of winning in percent, and how many of a hundred deals stand there. */
const STAGES = [
  { value: { stage: 'prospecting', probability: 10 }, weight: 14 },
  { value: { stage: 'engaging', probability: 20 }, weight: 13 },
  { value: { stage: 'qualification', probability: 35 }, weight: 12 },
  { value: { stage: 'proposal', probability: 55 }, weight: 12 },
  { value: { stage: 'negotiation', probability: 75 }, weight: 10 },
  { value: { stage: 'won', probability: 100 }, weight: 24 },
  { value: { stage: 'lost', probability: 0 }, weight: 15 },
] as const;

export interface Deal {
  readonly record: DemoRecord;
  readonly company: Company;
  readonly contactId: string | null;
}

export const makeProducts = (world: DemoWorld): DemoRecord[] =>
  catalogueOf(world.slug).products.map(([name, family, listPrice], index) => ({
    externalId: externalId('product', index + 1),
    name,
    sku: `${slugify(family).slice(0, 3).toUpperCase()}-${1001 + index}`,
    family,
    listPrice: money(world, listPrice),
    isActive: true,
  }));

export function makeDeals(
  world: DemoWorld,
  companies: readonly Company[],
  people: readonly Person[],
): { deals: Deal[]; lineItems: DemoRecord[] } {
  const { faker, slug } = world;
  const { products } = catalogueOf(slug);
  const deals: Deal[] = [];
  const lineItems: DemoRecord[] = [];
  for (const company of companies) {
    const contacts = people.filter(({ companyId }) => companyId === company.record.externalId);
    const wanted = faker.number.int({ min: 1, max: 4 });
    for (let nth = 0; nth < wanted; nth += 1) {
      const dealId = externalId('opportunity', deals.length + 1);
      const offered = faker.helpers.arrayElements(products, { min: 1, max: 3 });
      const items = offered.map((product, position) => makeLineItem(world, { dealId, product, position }));
      if (faker.datatype.boolean(0.25)) items.push(makeServiceItem(world, dealId, items.length));
      const { stage, probability } = faker.helpers.weightedArrayElement(STAGES);
      const isClosed = stage === 'won' || stage === 'lost';
      const engagedBefore = faker.number.int({ min: 20, max: 220 });
      const contactId = faker.helpers.arrayElement(contacts).record.externalId;
      deals.push({
        company,
        contactId,
        record: {
          externalId: dealId,
          name: `${company.name}: ${offered[0]?.[1] ?? ''} ${faker.helpers.arrayElement(PURPOSES)}`,
          stage,
          amount: money(world, items.reduce((sum, { total }) => sum + total, 0)),
          probability,
          opportunityType: nth === 0 ? 'new_business' : faker.helpers.arrayElement(['existing_business', 'renewal']),
          leadSource: faker.helpers.arrayElement(LEAD_SOURCES),
          nextStep: isClosed ? null : faker.helpers.arrayElement(NEXT_STEPS),
          engageDate: dayFrom(world, -engagedBefore),
          closeDate: dayFrom(world, isClosed ? -faker.number.int({ min: 1, max: engagedBefore }) : faker.number.int({ min: 10, max: 240 })),
          accountId: company.record.externalId,
          primaryContactId: contactId,
          ownerId: company.ownerId,
        },
      });
      lineItems.push(
        ...items.map(({ record }) => ({ ...record, externalId: externalId('line-item', `${deals.length}-${Number(record['position']) + 1}`) })),
      );
    }
  }
  return { deals, lineItems };
}

interface LineItem {
  readonly record: DemoRecord;
  readonly total: number;
}

interface Offered {
  readonly dealId: string;
  readonly product: Product;
  readonly position: number;
}

function makeLineItem(world: DemoWorld, { dealId, product, position }: Offered): LineItem {
  const { faker, slug } = world;
  const [, , listPrice] = product;
  const mostOf = listPrice < 1_000 ? 80 : listPrice < 10_000 ? 12 : 3;
  const quantity = faker.number.int({ min: 1, max: mostOf });
  const discountPercent = faker.helpers.arrayElement([0, 0, 0, 5, 10, 15]);
  return {
    total: quantity * listPrice * (1 - discountPercent / 100),
    record: {
      externalId: '',
      description: null,
      quantity: String(quantity),
      unitPrice: money(world, listPrice),
      discountPercent: String(discountPercent),
      position,
      opportunityId: dealId,
      productId: externalId('product', catalogueOf(slug).products.indexOf(product) + 1),
    },
  };
}
