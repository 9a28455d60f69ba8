/** What the generators of the demo share: where chance and time come from, and how records refer. */
import type { Faker } from '@faker-js/faker' with { 'resolution-mode': 'import' };
import type { Kind, Values } from '../src/crm/kind/kind';
import { DAY, HOUR } from '../src/lib/duration';
import { PLACES, type Place } from './demo-vocabulary';

/**
 * A record before it is written. Its references (`accountId`, …) hold external ids of records of
 * earlier batches; ids are known only once those have been written.
 */
export type DemoRecord = Values & { readonly externalId: string };

/** Records of one kind, which may refer to those of earlier batches only. */
export interface DemoBatch {
  readonly kind: Kind;
  readonly records: readonly DemoRecord[];
}

export interface DemoWorld {
  /** Seeded for the tenant: all chance comes from it, and in a fixed order. */
  readonly faker: Faker;
  readonly slug: string;
  /** Midnight (UTC) of the day of seeding: dates are relative to it, so that coming events come. */
  readonly today: Date;
  readonly currencyCode: string;
  /** Of the users who sign in; without it nobody can. */
  readonly password?: string;
}

export const EXTERNAL_ID_PREFIX = 'demo:';

export const externalId = (kind: string, name: string | number): string =>
  `${EXTERNAL_ID_PREFIX}${kind}:${name}`;

/** The day so many days after (or before) the day of seeding. */
export const dayFrom = ({ today }: DemoWorld, days: number): Date =>
  new Date(today.getTime() + days * DAY);

const isWeekend = (day: Date): boolean => day.getUTCDay() % 6 === 0;

/** So many working days in a row, the first no earlier than the day given. */
export function workdaysFrom(day: Date, count: number): Date[] {
  const days: Date[] = [];
  for (let at = day; days.length < count; at = new Date(at.getTime() + DAY)) {
    if (!isWeekend(at)) days.push(at);
  }
  return days;
}

/** An hour of a day on the place's clock, the standard one: an hour off in summer hurts no demo. */
export const hourAt = (day: Date, hour: number, { utcOffsetHours }: Place): Date =>
  new Date(day.getTime() + (hour - utcOffsetHours) * HOUR);

export const money = ({ currencyCode }: DemoWorld, amount: number) => ({
  amount: amount.toFixed(2),
  currencyCode,
});

export const pickPlace = ({ faker }: DemoWorld): Place => faker.helpers.arrayElement(PLACES);

export const addressIn = ({ faker }: DemoWorld, place: Place) => ({
  street: faker.helpers
    .arrayElement(place.streets)
    .replace('{n}', String(faker.number.int({ min: 2, max: 240 }))),
  city: place.city,
  region: place.region,
  postalCode: faker.helpers.replaceSymbols(place.postalCode),
  countryCode: place.countryCode,
});

export const phoneIn = ({ faker }: DemoWorld, place: Place): string =>
  faker.helpers.replaceSymbols(place.phone);

/** `O’Connell & Sons` → `oconnell-sons`, for host names and the left side of an address. */
export const slugify = (text: string, separator = '-'): string =>
  text
    .normalize('NFD')
    .replace(/[\u0300-\u036f'’]/g, '')
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter((part) => part !== '')
    .join(separator);
