/** Where a demo tenant meets its customers, and when: most of it is still to come. */
import type { Deal } from './demo-pipeline';
import { PLACES, VENUES, type Place } from './demo-vocabulary';
import {
  addressIn,
  dayFrom,
  externalId,
  hourAt,
  money,
  phoneIn,
  slugify,
  workdaysFrom,
  type DemoRecord,
  type DemoWorld,
} from './demo-world';

/** One event for so many of a hundred deals. */
const EVENTS_OF_DEALS = 0.6;
const COMING = 0.75;
/** So that an old demo still has something coming. */
const FARTHEST_DAYS = 270;

const FORMATS = [
  { eventType: 'demo', title: 'Demonstration', onSite: true, sittings: 1, attendees: 8 },
  { eventType: 'meeting', title: 'Contract meeting', onSite: true, sittings: 1, attendees: 5 },
  { eventType: 'training', title: 'Training', onSite: true, sittings: 3, attendees: 16 },
  { eventType: 'trade_show', title: 'Trade show visit', onSite: true, sittings: 2, attendees: 40 },
  {
    eventType: 'conference',
    title: 'Customer conference',
    onSite: true,
    sittings: 2,
    attendees: 120,
  },
  { eventType: 'webinar', title: 'Webinar', onSite: false, sittings: 1, attendees: 60 },
  { eventType: 'call', title: 'Review call', onSite: false, sittings: 1, attendees: 3 },
] as const;

export interface Venue {
  readonly record: DemoRecord;
  readonly place: Place;
}

/** One venue in each place. */
export const makeVenues = (world: DemoWorld): Venue[] =>
  PLACES.map((place, index) => {
    const name = `${place.city} ${world.faker.helpers.arrayElement(VENUES)}`;
    return {
      place,
      record: {
        externalId: externalId('location', index + 1),
        name,
        address: addressIn(world, place),
        timeZone: place.timeZone,
        capacity: world.faker.number.int({ min: 4, max: 90 }) * 10,
        phone: phoneIn(world, place),
        website: `https://www.${slugify(name)}.example`,
      },
    };
  });

export interface Appointment {
  readonly event: DemoRecord;
  readonly dates: readonly DemoRecord[];
}

export function makeAppointments(
  world: DemoWorld,
  deals: readonly Deal[],
  venues: readonly Venue[],
): Appointment[] {
  return deals
    .filter(() => world.faker.datatype.boolean(EVENTS_OF_DEALS))
    .map((deal, index) => makeAppointment(world, index + 1, deal, venues));
}

function makeAppointment(
  world: DemoWorld,
  number: number,
  { record: deal, company, contactId }: Deal,
  venues: readonly Venue[],
): Appointment {
  const { faker } = world;
  const format = faker.helpers.arrayElement(FORMATS);
  const isComing = faker.datatype.boolean(COMING);
  const firstDay = isComing
    ? faker.number.int({ min: 2, max: FARTHEST_DAYS })
    : -faker.number.int({ min: 5, max: 150 });
  const nearby = venues.filter(({ place }) => place.countryCode === company.place.countryCode);
  const venue = format.onSite ? faker.helpers.arrayElement(nearby) : undefined;
  const place = venue?.place ?? company.place;
  const eventId = externalId('event', number);
  const startHour = faker.number.int({ min: 9, max: 14 });
  const days = workdaysFrom(dayFrom(world, firstDay), format.sittings);
  const sittings = days.map((day, nth) => ({
    externalId: externalId('event-date', `${number}-${nth + 1}`),
    title: format.sittings === 1 ? null : `Day ${nth + 1}`,
    startsAt: hourAt(day, startHour, place),
    endsAt: hourAt(day, startHour + (format.onSite ? 3 : 1), place),
    eventId,
    locationId: venue?.record.externalId ?? null,
  }));
  return {
    dates: sittings,
    event: {
      externalId: eventId,
      name: `${format.title} with ${company.name}`,
      eventType: format.eventType,
      status: isComing
        ? faker.helpers.arrayElement(['planned', 'confirmed', 'confirmed'])
        : faker.helpers.weightedArrayElement([
            { weight: 6, value: 'completed' },
            { weight: 1, value: 'cancelled' },
          ]),
      startsAt: sittings[0]?.startsAt ?? null,
      endsAt: sittings.at(-1)?.endsAt ?? null,
      expectedAttendees: format.attendees + faker.number.int({ min: 0, max: 6 }),
      budget: format.onSite ? money(world, faker.number.int({ min: 4, max: 120 }) * 100) : null,
      accountId: company.record.externalId,
      opportunityId: deal.externalId,
      primaryContactId: contactId,
      ownerId: company.ownerId,
    },
  };
}

/** Dates that belong to no event: the tenant's own, at a place. */
export const makeOwnDates = (world: DemoWorld, venues: readonly Venue[]): DemoRecord[] =>
  world.faker.helpers.arrayElements(venues, 4).map(({ record, place }, index) => {
    const [day = world.today] = workdaysFrom(dayFrom(world, 30 * (index + 1)), 1);
    return {
      externalId: externalId('event-date', `own-${index + 1}`),
      title: `Regional sales meeting ${place.city}`,
      startsAt: hourAt(day, 10, place),
      endsAt: hourAt(day, 16, place),
      eventId: null,
      locationId: record.externalId,
    };
  });
