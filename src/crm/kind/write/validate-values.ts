/** Checks given values against the fields' own limits, before anything touches the database. */
import { isWritable, type Field } from '../fields';
import type { Fault, Kind, Values } from '../kind';

const DEFAULT_MAX_LENGTH = 255;
const MAX_JSON_LENGTH = 65_536;
const NO_TEXT = 'holds characters that are no text (NUL or half of a surrogate pair)';

/** @param creating whether required fields must be there. */
export function validateValues(kind: Kind, values: Values, creating: boolean, fault: Fault): void {
  for (const [name, field] of Object.entries(kind.fields)) {
    if (!isWritable(field)) continue;
    const value = values[name];
    if (value === undefined || value === null) {
      if (field.required === true && (creating || value === null)) fault(name, 'is required');
      continue;
    }
    validateValue(name, field, value, fault);
  }
  for (const parent of kind.parents) {
    const value = values[parent.idField];
    if (parent.required === true && (value === null || (creating && value === undefined))) {
      fault(parent.idField, 'is required');
    }
  }
  const { externalId } = values;
  // Blank would be an id too, the same one for all that have none.
  if (typeof externalId === 'string')
    validateText('externalId', externalId, { required: true }, fault);
}

function validateValue(name: string, field: Field, value: unknown, fault: Fault): void {
  if (field.type === 'address') {
    for (const [part, text] of Object.entries(value as Record<string, unknown>)) {
      if (typeof text === 'string') validateText([name, part], text, field, fault);
    }
    return;
  }
  if (field.type === 'json') return validateJson(name, value, fault);
  if (typeof value === 'string') {
    if (field.type === 'decimal') validateNumber(name, Number(value), field, fault);
    else if (field.type === 'date') validateYear(name, value.slice(0, 4), fault);
    else validateText(name, value, field, fault);
  } else if (typeof value === 'number') {
    validateNumber(name, value, field, fault);
  } else if (value instanceof Date) {
    if (Number.isNaN(value.getTime())) fault(name, 'is no date');
    else validateYear(name, value.getUTCFullYear(), fault);
  }
}

function validateJson(name: string, value: unknown, fault: Fault): void {
  const text = JSON.stringify(value);
  if (text.length > MAX_JSON_LENGTH) {
    fault(name, `takes at most ${MAX_JSON_LENGTH} characters, but got ${text.length}`);
  } else if (!isStorableText(textsIn(value).join(' '))) {
    fault(name, NO_TEXT);
  }
}

/** Every text there is in a value, keys among them. */
const textsIn = (value: unknown): string[] => {
  if (typeof value === 'string') return [value];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => [key, ...textsIn(inner)]);
};

/** ISO 8601 has a year 0, which Postgres has not. */
function validateYear(name: string, year: string | number, fault: Fault): void {
  if (Number(year) < 1) fault(name, 'must not be before the year 1');
}

function validateText(
  name: string | readonly string[],
  value: string,
  { required, maxLength = DEFAULT_MAX_LENGTH }: Partial<Field>,
  fault: Fault,
): void {
  if (!isStorableText(value)) {
    fault(name, NO_TEXT);
  } else if (required === true && value.trim() === '') {
    fault(name, 'is required');
  } else if (value.length > maxLength) {
    fault(name, `takes at most ${maxLength} characters, but got ${value.length}`);
  }
}

const isStorableText = (value: string): boolean => !value.includes('\u0000') && isWellFormed(value);

/** Half of a surrogate pair is no character, and JSON on its way to Postgres would be refused whole. */
const isWellFormed = (value: string): boolean =>
  !/[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/.test(value);

function validateNumber(name: string, value: number, { min, max }: Field, fault: Fault): void {
  if (min !== undefined && value < min) fault(name, `must be at least ${min}, but got ${value}`);
  if (max !== undefined && value > max) fault(name, `must be at most ${max}, but got ${value}`);
}
