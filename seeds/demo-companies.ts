/** The companies a demo tenant deals with, and the people who work for them or beside them. */
import { INDUSTRIES, POSITIONS, RELATIONSHIP_ROLES, type Place } from './demo-vocabulary';
import {
  addressIn,
  dayFrom,
  externalId,
  money,
  phoneIn,
  pickPlace,
  slugify,
  type DemoRecord,
  type DemoWorld,
} from './demo-world';

const COMPANIES = 28;
const SUBSIDIARIES = 6;
const RELATIONSHIPS = 20;

export interface Company {
  readonly record: DemoRecord;
  readonly name: string;
  readonly domain: string;
  readonly place: Place;
  readonly industry: string;
  readonly ownerId: string;
}

export interface Person {
  readonly record: DemoRecord;
  readonly companyId: string;
}

export function makeCompanies(
  world: DemoWorld,
  owners: readonly string[],
): { heads: Company[]; subsidiaries: Company[] } {
  const { faker } = world;
  const families = faker.helpers.uniqueArray(() => faker.person.lastName(), COMPANIES);
  const heads = families.map((family, index) => {
    const { name: industry, suffixes } = faker.helpers.arrayElement(INDUSTRIES);
    const name = `${family} ${faker.helpers.arrayElement(suffixes)}`;
    return makeCompany(world, {
      number: index + 1,
      name,
      industry,
      place: pickPlace(world),
      ownerId: faker.helpers.arrayElement(owners),
      parentId: null,
    });
  });
  const subsidiaries = faker.helpers.arrayElements(heads, SUBSIDIARIES).map((parent, index) => {
    const place = pickPlace(world);
    return makeCompany(world, {
      number: COMPANIES + index + 1,
      name: `${parent.name} ${place.city}`,
      industry: parent.industry,
      place,
      ownerId: parent.ownerId,
      parentId: parent.record.externalId,
    });
  });
  return { heads, subsidiaries };
}

interface CompanyFacts extends Omit<Company, 'record' | 'domain'> {
  readonly number: number;
  readonly parentId: string | null;
}

function makeCompany(world: DemoWorld, { number, parentId, ...facts }: CompanyFacts): Company {
  const { faker } = world;
  const { name, industry, place, ownerId } = facts;
  const domain = `${slugify(name)}.example`;
  const employeeCount =
    faker.helpers.arrayElement([12, 35, 80, 140, 260, 480, 900, 2_400]) +
    faker.number.int({ min: 0, max: 9 });
  const address = addressIn(world, place);
  return {
    ...facts,
    domain,
    record: {
      externalId: externalId('account', number),
      name,
      accountType: faker.helpers.weightedArrayElement([
        { weight: 6, value: 'customer' },
        { weight: 3, value: 'prospect' },
        { weight: 1, value: 'partner' },
      ]),
      industry,
      website: `https://www.${domain}`,
      email: `office@${domain}`,
      phone: phoneIn(world, place),
      annualRevenue: money(world, employeeCount * faker.number.int({ min: 90, max: 260 }) * 1_000),
      employeeCount,
      foundedYear: faker.number.int({ min: 1921, max: 2021 }),
      billingAddress: address,
      shippingAddress: faker.datatype.boolean(0.7) ? address : addressIn(world, place),
      parentId,
      ownerId,
    },
  };
}

/** Each company's first person leads it; the others work for somebody who leads. */
export function makePeople(
  world: DemoWorld,
  companies: readonly Company[],
): { leaders: Person[]; staff: Person[] } {
  const { faker } = world;
  let count = 0;
  const person = (
    company: Company,
    position: (typeof POSITIONS)[number],
    reportsToId: string | null,
  ): Person => {
    const [title, department] = position;
    const firstName = faker.person.firstName();
    const lastName = faker.person.lastName();
    count += 1;
    return {
      companyId: company.record.externalId,
      record: {
        externalId: externalId('contact', count),
        firstName,
        lastName,
        email: `${slugify(`${firstName} ${lastName}`, '.')}@${company.domain}`,
        phone: phoneIn(world, company.place),
        title,
        department,
        doNotContact: faker.datatype.boolean(0.04),
        mailingAddress: addressIn(world, company.place),
        accountId: company.record.externalId,
        reportsToId,
        ownerId: company.ownerId,
      },
    };
  };
  const [first, ...others] = POSITIONS;
  const leaders = companies.map((company) =>
    person(company, first ?? ['Director', 'Management'], null),
  );
  const staff = companies.flatMap((company, index) => {
    const leaderId = leaders[index]?.record.externalId ?? null;
    const positions = faker.helpers.arrayElements(others, { min: 1, max: 3 });
    return positions.map((position) =>
      person(company, position, faker.datatype.boolean(0.4) ? leaderId : null),
    );
  });
  return { leaders, staff };
}

/** People who are something to a company they do not work for. */
export function makeRelationships(
  world: DemoWorld,
  companies: readonly Company[],
  people: readonly Person[],
): DemoRecord[] {
  const { faker } = world;
  return faker.helpers.arrayElements(people, RELATIONSHIPS).map(({ record, companyId }, index) => {
    const elsewhere = companies.filter((company) => company.record.externalId !== companyId);
    const since = faker.number.int({ min: 200, max: 2_000 });
    return {
      externalId: externalId('account-contact', index + 1),
      role: faker.helpers.arrayElement(RELATIONSHIP_ROLES),
      isPrimary: false,
      startedOn: dayFrom(world, -since),
      endedOn: faker.datatype.boolean(0.2)
        ? dayFrom(world, -faker.number.int({ min: 1, max: since }))
        : null,
      accountId: faker.helpers.arrayElement(elsewhere).record.externalId,
      contactId: record.externalId,
    };
  });
}
