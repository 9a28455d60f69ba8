/** Checks given values against the fields' own limits, before anything touches the database. */
import { isWritable, type Field } from './fields';
import type { Fault, Kind, Values } from './kind';

const DEFAULT_MAX_LENGTH = 255;

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
  if (typeof externalId === 'string') validateText('externalId', externalId, {}, fault);
}

function validateValue(name: string, field: Field, value: unknown, fault: Fault): void {
  if (field.type === 'address') {
    for (const part of Object.values(value as Record<string, unknown>)) {
      if (typeof part === 'string') validateText(name, part, field, fault);
    }
    return;
  }
  if (typeof value === 'string') {
    if (field.type === 'decimal') validateNumber(name, Number(value), field, fault);
    else validateText(name, value, field, fault);
  } else if (typeof value === 'number') {
    validateNumber(name, value, field, fault);
  } else if (value instanceof Date && Number.isNaN(value.getTime())) {
    fault(name, 'is no date');
  }
}

function validateText(name: string, value: string, { required, maxLength = DEFAULT_MAX_LENGTH }: Partial<Field>, fault: Fault): void {
  if (value.includes('\u0000') || !isWellFormed(value)) {
    fault(name, 'holds characters that are no text (NUL or half of a surrogate pair)');
  } else if (required === true && value.trim() === '') {
    fault(name, 'is required');
  } else if (value.length > maxLength) {
    fault(name, `takes at most ${maxLength} characters, but got ${value.length}`);
  }
}

/** Half of a surrogate pair is no character, and JSON on its way to Postgres would be refused whole. */
const isWellFormed = (value: string): boolean =>
  !/[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/.test(value);

function validateNumber(name: string, value: number, { min, max }: Field, fault: Fault): void {
  if (min !== undefined && value < min) fault(name, `must be at least ${min}, but got ${value}`);
  if (max !== undefined && value > max) fault(name, `must be at most ${max}, but got ${value}`);
}
