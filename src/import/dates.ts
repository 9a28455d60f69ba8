/**
 * Dates by a format that the mapping states. Nothing is guessed: what does not fit the format, or
 * is no day of the calendar, is refused.
 */
import { MINUTE } from '../lib/duration';

type Unit = 'year' | 'month' | 'day' | 'hour' | 'minute' | 'second' | 'offset';

const TOKENS: Readonly<Record<string, readonly [unit: Unit, pattern: string]>> = {
  YYYY: ['year', '\\d{4}'],
  MM: ['month', '\\d{2}'],
  M: ['month', '\\d{1,2}'],
  DD: ['day', '\\d{2}'],
  D: ['day', '\\d{1,2}'],
  HH: ['hour', '\\d{2}'],
  H: ['hour', '\\d{1,2}'],
  mm: ['minute', '\\d{2}'],
  ss: ['second', '\\d{2}(?:\\.\\d{1,3})?'],
  Z: ['offset', 'Z|[+-]\\d{2}:?\\d{2}'],
};
/** A quoted text stands for itself, so that a `T` or `Uhr` can be part of a format. */
const TOKEN = /'([^']*)'|YYYY|MM|M|DD|D|HH|H|mm|ss|Z|[^A-Za-z]|T/y;
const OFFSET = /^([+-])(\d{2}):?(\d{2})$/;

export interface DateFormat {
  readonly hasTime: boolean;
  readonly hasOffset: boolean;
  /** @returns `YYYY-MM-DD`, or undefined when the text does not fit. */
  parseDate(text: string): string | undefined;
  /** @param utcOffset of texts that carry none, `+01:00`. */
  parseDateTime(text: string, utcOffset: string | undefined): Date | undefined;
}

/** @returns undefined when the format itself makes no sense: unknown letters, or no full date. */
export function parseDateFormat(format: string): DateFormat | undefined {
  const units: Unit[] = [];
  let pattern = '';
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < format.length) {
    const match = TOKEN.exec(format);
    if (match === null) return undefined;
    const [unit, digits] = TOKENS[match[0]] ?? [];
    if (unit === undefined) pattern += escape(match[1] ?? match[0]);
    else pattern += `(${digits})`;
    if (unit !== undefined) units.push(unit);
  }
  const wanted: readonly Unit[] = ['year', 'month', 'day'];
  if (new Set(units).size !== units.length || !wanted.every((unit) => units.includes(unit))) {
    return undefined;
  }
  const shape = new RegExp(`^${pattern}$`);

  const read = (text: string): Partial<Record<Unit, string>> | undefined => {
    const match = shape.exec(text);
    if (match === null) return undefined;
    return Object.fromEntries(units.map((unit, index) => [unit, match[index + 1] ?? '']));
  };
  const dateOf = ({ year = '', month = '', day = '' }: Partial<Record<Unit, string>>) => {
    const iso = `${year}-${month.padStart(2, '0')}-${day.padStart(2, '0')}`;
    const date = new Date(`${iso}T00:00:00Z`);
    // February 30 would become March 1.
    return !Number.isNaN(date.getTime()) && date.toISOString().startsWith(iso) && year !== '0000'
      ? iso
      : undefined;
  };
  return {
    hasTime: units.includes('hour'),
    hasOffset: units.includes('offset'),
    parseDate(text) {
      const found = read(text);
      return found === undefined ? undefined : dateOf(found);
    },
    parseDateTime(text, utcOffset) {
      const found = read(text);
      const date = found === undefined ? undefined : dateOf(found);
      if (found === undefined || date === undefined) return undefined;
      const { hour = '00', minute = '00', second = '00', offset = utcOffset } = found;
      const shift = offset === undefined ? undefined : offsetMs(offset);
      if (shift === undefined || Number(hour) > 23) return undefined;
      const moment = new Date(`${date}T${hour.padStart(2, '0')}:${minute}:${second}Z`);
      return Number.isNaN(moment.getTime()) ? undefined : new Date(moment.getTime() - shift);
    },
  };
}

/** @returns undefined when the text is no offset of a day's range. */
export function offsetMs(offset: string): number | undefined {
  if (offset === 'Z') return 0;
  const [, sign, hours, minutes] = OFFSET.exec(offset) ?? [];
  if (Number(hours) > 18 || Number(minutes) > 59 || sign === undefined) return undefined;
  return (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) * MINUTE;
}

const escape = (text: string): string => text.replace(/[.*+?^${}()|[\]\\/-]/g, '\\$&');
