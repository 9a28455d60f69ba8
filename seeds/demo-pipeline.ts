/** What a demo tenant sells, and to whom it hopes to sell it. */
import type { Company, Person } from './demo-companies';
import { catalogueOf, LEAD_SOURCES, NEXT_STEPS, PURPOSES, SERVICES } from './demo-vocabulary';
import { dayFrom, externalId, money, slugify, type DemoRecord, type DemoWorld } from './demo-world';

/** Chance of winning in percent, and how many of a hundred deals stand there. */
const STAGES: readonly {
  readonly value: { readonly stage: string; readonly probability: number };
  readonly weight: number;
}[] = [
  { value: { stage: 'prospecting', probability: 10 }, weight: 14 },
  { value: { stage: 'engaging', probability: 20 }, weight: 13 },
  { value: { stage: 'qualification', probability: 35 }, weight: 12 },
  { value: { stage: 'proposal', probability: 55 }, weight: 12 },
  { value: { stage: 'negotiation', probability: 75 }, weight: 10 },
  { value: { stage: 'won', probability: 100 }, weight: 24 },
  { value: { stage: 'lost', probability: 0 }, weight: 15 },
];

export interface Deal {
  readonly record: DemoRecord;
  readonly lineItems: readonly DemoRecord[];
  readonly company: Company;
  readonly contactId: string;
}

const productId = (index: number): string => externalId('product', index + 1);

export const makeProducts = (world: DemoWorld): DemoRecord[] =>
  catalogueOf(world.slug).products.map(([name, family, listPrice], index) => ({
    externalId: productId(index),
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
): Deal[] {
  const { faker } = world;
  const deals: Deal[] = [];
  for (const company of companies) {
    const contacts = people.filter(({ companyId }) => companyId === company.record.externalId);
    const wanted = faker.number.int({ min: 1, max: 4 });
    for (let nth = 1; nth <= wanted; nth += 1) {
      const { record: contact } = faker.helpers.arrayElement(contacts);
      deals.push(
        makeDeal(world, {
          number: deals.length + 1,
          isFirst: nth === 1,
          company,
          contactId: contact.externalId,
        }),
      );
    }
  }
  return deals;
}

interface DealFacts extends Pick<Deal, 'company' | 'contactId'> {
  readonly number: number;
  readonly isFirst: boolean;
}

function makeDeal(world: DemoWorld, { number, isFirst, company, contactId }: DealFacts): Deal {
  const { faker } = world;
  const dealId = externalId('opportunity', number);
  const items = makeItems(world);
  const { stage, probability } = faker.helpers.weightedArrayElement(STAGES);
  const isClosed = stage === 'won' || stage === 'lost';
  const engagedBefore = faker.number.int({ min: 20, max: 220 });
  const closesIn = isClosed
    ? -faker.number.int({ min: 1, max: engagedBefore })
    : faker.number.int({ min: 10, max: 240 });
  return {
    company,
    contactId,
    record: {
      externalId: dealId,
      name: `${company.name}: ${items[0]?.family ?? ''} ${faker.helpers.arrayElement(PURPOSES)}`,
      stage,
      amount: money(
        world,
        items.reduce((sum, { total }) => sum + total, 0),
      ),
      probability,
      opportunityType: isFirst
        ? 'new_business'
        : faker.helpers.arrayElement(['existing_business', 'renewal']),
      leadSource: faker.helpers.arrayElement(LEAD_SOURCES),
      nextStep: isClosed ? null : faker.helpers.arrayElement(NEXT_STEPS),
      engageDate: dayFrom(world, -engagedBefore),
      closeDate: dayFrom(world, closesIn),
      accountId: company.record.externalId,
      primaryContactId: contactId,
      ownerId: company.ownerId,
    },
    lineItems: items.map(({ values }, position) => ({
      externalId: externalId('line-item', `${number}-${position + 1}`),
      ...values,
      position,
      opportunityId: dealId,
    })),
  };
}

interface Item {
  readonly family: string;
  readonly total: number;
  readonly values: Omit<DemoRecord, 'externalId'>;
}

/** One to three products; now and then a service, which is none of the products. */
function makeItems(world: DemoWorld): Item[] {
  const { faker, slug } = world;
  const { products } = catalogueOf(slug);
  const items = faker.helpers
    .arrayElements([...products.entries()], { min: 1, max: 3 })
    .map(([index, [, family, listPrice]]): Item => {
      const most = listPrice < 1_000 ? 80 : listPrice < 10_000 ? 12 : 3;
      const quantity = faker.number.int({ min: 1, max: most });
      const discount = faker.helpers.arrayElement([0, 0, 0, 5, 10, 15]);
      return {
        family,
        total: quantity * listPrice * (1 - discount / 100),
        values: {
          description: null,
          quantity: String(quantity),
          unitPrice: money(world, listPrice),
          discountPercent: String(discount),
          productId: productId(index),
        },
      };
    });
  if (faker.datatype.boolean(0.2)) {
    const price = faker.number.int({ min: 6, max: 48 }) * 100;
    items.push({
      family: 'Services',
      total: price,
      values: {
        description: faker.helpers.arrayElement(SERVICES),
        quantity: '1',
        unitPrice: money(world, price),
        discountPercent: '0',
        productId: null,
      },
    });
  }
  return items;
}
