/** All records of one demo tenant, in an order in which they can be written. */
import { createHash } from 'node:crypto';
import { kinds } from '../src/crm/kinds';
import { DAY } from '../src/lib/duration';
import { makeAppointments, makeOwnDates, makeVenues } from './demo-calendar';
import { makeCommunications } from './demo-communications';
import { makeCompanies, makePeople, makeRelationships } from './demo-companies';
import { makeDeals, makeProducts } from './demo-pipeline';
import { makeUsers } from './demo-users';
import { catalogueOf } from './demo-vocabulary';
import type { DemoBatch, DemoRecord, DemoWorld } from './demo-world';

export interface DemoRecordsOptions {
  readonly slug: string;
  /** Of the users who sign in; without it nobody can. */
  readonly password?: string;
  /** The day that dates are relative to. */
  readonly today?: Date;
}

/** The same tenant has the same records; their dates follow the day of seeding. */
export async function makeDemoRecords({
  slug,
  password,
  today = new Date(),
}: DemoRecordsOptions): Promise<DemoBatch[]> {
  // Here, because it is heavy and most starts have nothing to seed.
  const { faker } = await import('@faker-js/faker/locale/en');
  // One for all tenants, which are seeded at once: nothing may come between its seed and the records.
  faker.seed(createHash('sha256').update(slug).digest().readUInt32BE());
  return makeRecords({
    faker,
    slug,
    today: new Date(Math.floor(today.getTime() / DAY) * DAY),
    currencyCode: catalogueOf(slug).currencyCode,
    ...(password === undefined ? {} : { password }),
  });
}

function makeRecords(world: DemoWorld): DemoBatch[] {
  const { leader, team, owners } = makeUsers(world);
  const products = makeProducts(world);
  const { heads, subsidiaries } = makeCompanies(world, owners);
  const companies = [...heads, ...subsidiaries];
  const { leaders, staff } = makePeople(world, companies);
  const people = [...leaders, ...staff];
  const relationships = makeRelationships(world, companies, people);
  const deals = makeDeals(world, companies, people);
  const venues = makeVenues(world);
  const appointments = makeAppointments(world, deals, venues);
  const ownDates = makeOwnDates(world, venues);
  const communications = makeCommunications(world, deals, people);

  const batch = (kind: string, records: readonly DemoRecord[]): DemoBatch => ({
    kind: kinds.get(kind),
    records,
  });
  const recordsOf = (made: readonly { readonly record: DemoRecord }[]): DemoRecord[] =>
    made.map(({ record }) => record);
  return [
    batch('User', [leader]),
    batch('User', team),
    batch('Product', products),
    batch('Account', recordsOf(heads)),
    batch('Account', recordsOf(subsidiaries)),
    batch('Contact', recordsOf(leaders)),
    batch('Contact', recordsOf(staff)),
    batch('AccountContact', relationships),
    batch('Opportunity', recordsOf(deals)),
    batch(
      'OpportunityLineItem',
      deals.flatMap(({ lineItems }) => lineItems),
    ),
    batch('Location', recordsOf(venues)),
    batch(
      'Event',
      appointments.map(({ event }) => event),
    ),
    batch('EventDate', [...appointments.flatMap(({ dates }) => dates), ...ownDates]),
    batch('Communication', communications),
  ];
}
