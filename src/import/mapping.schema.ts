/**
 * The mapping file as it is written (docs/import.md explains it). Short forms are spelled out here,
 * so that the rest knows one form only. Whether kinds and fields exist is another file's question.
 */
import { z } from 'zod';
import { isDecimal } from './decimals';
import { offsetMs, parseDateFormat } from './dates';
import { parseTemplate } from './template';

const name = z.string().min(1, 'expected a name, got an empty text');

/** A text with braces is a template, any other one names a column. */
const spellOut = (value: unknown): unknown => {
  if (typeof value !== 'string') return value;
  return value.includes('{') ? { template: value } : { column: value };
};

const template = z
  .string()
  .refine(
    (text) => parseTemplate(text) !== undefined,
    'expected a template such as "{product}[ for {account}]", with braces and brackets that match',
  );

const scalar = z.union([z.string(), z.number(), z.boolean(), z.null()], {
  error: 'expected a text, a number, true, false or null',
});
const values = z.record(z.string(), scalar);

const dateFormat = z
  .string()
  .refine(
    (format) => parseDateFormat(format) !== undefined,
    'expected a format with year, month and day out of YYYY, M or MM, D or DD, and for a time H or HH, mm, ss, Z, such as M/D/YYYY',
  );

const sourceShape = {
  column: name.optional(),
  template: template.optional(),
  constant: scalar.optional(),
  values: values.optional(),
  unknownValues: z
    .enum(['keep', 'null', 'reject'], 'expected keep, null or reject')
    .default('keep'),
  date: dateFormat.optional(),
  utcOffset: z
    .string()
    .refine((offset) => offsetMs(offset) !== undefined, 'expected an offset such as +01:00')
    .optional(),
  scale: z
    .union([z.string(), z.number()])
    .transform(String)
    .refine(
      isDecimal,
      'expected a plain decimal number such as 1000000; quote one that has many digits',
    )
    .optional(),
  decimalSeparator: z.enum(['.', ','], 'expected "." or ","').default('.'),
  thousandsSeparator: z.string().length(1, 'expected one character').optional(),
  currency: z.string().optional(),
  currencyColumn: name.optional(),
};

const ORIGINS = ['column', 'template', 'constant', 'parts'] as const;

const hasOneOrigin = (value: Partial<Record<(typeof ORIGINS)[number], unknown>>): boolean =>
  ORIGINS.filter((origin) => value[origin] !== undefined).length === 1;

const ONE_ORIGIN = 'expected exactly one of column, template, constant and (for an address) parts';

const partSource = z.preprocess(
  spellOut,
  z
    .strictObject(sourceShape)
    .refine(hasOneOrigin, 'expected exactly one of column, template and constant'),
);

const source = z.preprocess(
  spellOut,
  z
    .strictObject({ ...sourceShape, parts: z.record(z.string(), partSource).optional() })
    .refine(hasOneOrigin, ONE_ORIGIN),
);

const oneOrMore = <T extends z.ZodType>(item: T) =>
  z.preprocess(
    (value) => (value === undefined || Array.isArray(value) ? value : [value]),
    z.array(item).min(1, 'expected at least one'),
  );

const reference = z.preprocess(
  spellOut,
  z
    .strictObject({
      column: name.optional(),
      template: template.optional(),
      values: values.optional(),
      by: oneOrMore(name).default(['externalId']),
      createMissing: z.boolean('expected true or false').default(false),
    })
    .refine(
      (value) => (value.column === undefined) !== (value.template === undefined),
      'expected exactly one of column and template',
    ),
);

/** A column, several (joined by "/"), or a template. */
const externalId = z
  .union([z.string().min(1), z.array(name).min(1)], {
    error: 'expected a column, a list of columns or a template such as "{opportunity_id}/1"',
  })
  .transform((value) => {
    if (typeof value !== 'string') return value.map((column) => `{${column}}`).join('/');
    return value.includes('{') ? value : `{${value}}`;
  })
  .pipe(template);

const content = {
  kind: name,
  externalId,
  fields: z.record(z.string(), source).default({}),
  references: z.record(z.string(), reference).default({}),
};

const item = z.strictObject({
  ...content,
  relation: name.optional(),
  skipWhenEmpty: oneOrMore(name).optional(),
});

const file = z.strictObject({
  file: name.refine((path) => !path.includes('\0'), 'expected a file name'),
  ...content,
  items: z.array(item).default([]),
  replace: z.record(z.string(), z.record(z.string(), z.string())).default({}),
  nullValues: z.array(z.string()).default([]),
  trim: z.boolean('expected true or false').default(true),
  emptyIsNull: z.boolean('expected true or false').default(true),
  delimiter: z.string().length(1, 'expected one character').default(','),
  encoding: z.enum(['utf-8', 'windows-1252'], 'expected utf-8 or windows-1252').default('utf-8'),
});

export const mappingSchema = z.strictObject({
  version: z.literal(1, 'expected 1, the only version of this format').default(1),
  files: z.array(file, 'expected a list of files').min(1, 'expected at least one file'),
});

export type Mapping = z.infer<typeof mappingSchema>;
export type FileMapping = z.infer<typeof file>;
export type ItemMapping = z.infer<typeof item>;
export type Source = z.infer<typeof source>;
export type PartSource = z.infer<typeof partSource>;
export type Reference = z.infer<typeof reference>;
/** What a file and an item have in common. */
export type ContentMapping = Pick<FileMapping, 'kind' | 'externalId' | 'fields' | 'references'>;
