import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  buildSchema,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isObjectType,
  isSpecifiedScalarType,
  type GraphQLNamedType,
  type GraphQLSchema,
} from 'graphql';
import { buildCrmSchema } from '../../src/crm/crm-schema';
import { buildPlatformSchema } from '../../src/platform/api/platform-schema';
import { extensionsOf } from '../../src/graphql/extensions';
import { printApi } from '../../src/graphql/print-api';

interface Described {
  readonly name: string;
  readonly description?: string | null | undefined;
}

/** The types of ours, but for the roots: what these are, GraphQL says, and their fields the rest. */
const typesOf = (schema: GraphQLSchema): GraphQLNamedType[] =>
  Object.values(schema.getTypeMap()).filter(
    (type) =>
      !type.name.startsWith('__') &&
      !isSpecifiedScalarType(type) &&
      type !== schema.getQueryType() &&
      type !== schema.getMutationType(),
  );

function partsOf(type: GraphQLNamedType): Described[] {
  const within = (parts: readonly Described[]): Described[] =>
    parts.map(({ name, description }) => ({ name: `${type.name}.${name}`, description }));
  if (isEnumType(type)) return within(type.getValues());
  if (isInputObjectType(type)) return within(Object.values(type.getFields()));
  if (!isObjectType(type) && !isInterfaceType(type)) return [];
  return Object.values(type.getFields()).flatMap((field) =>
    within([
      field,
      ...field.args.map(({ name, description }) => ({
        name: `${field.name}(${name})`,
        description,
      })),
    ]),
  );
}

function undescribed(schema: GraphQLSchema): string[] {
  const roots = [schema.getQueryType(), schema.getMutationType()].flatMap((type) => type ?? []);
  return [...typesOf(schema), ...[...roots, ...typesOf(schema)].flatMap(partsOf)]
    .filter(({ description }) => (description ?? '').trim() === '')
    .map(({ name }) => name);
}

const APIS = [
  { file: 'schema.graphql', build: buildCrmSchema, leastRootFields: 50 },
  { file: 'platform.graphql', build: buildPlatformSchema, leastRootFields: 40 },
] as const;

describe.each(APIS)('$file', ({ file, build, leastRootFields }) => {
  let schema: GraphQLSchema;
  beforeAll(async () => {
    // Both, in the order of a server: neither must find its way into the other.
    await Promise.all(APIS.map((each) => each.build()));
    schema = await build();
  });

  it('is the API’s schema', () => {
    const committed = readFileSync(join(__dirname, '../../schema', file), 'utf8');
    if (committed === printApi(schema)) return;
    const [want, got] = [printApi(schema), committed].map((text) => text.split('\n'));
    const line = want?.findIndex((text, index) => text !== got?.[index]) ?? 0;
    throw new Error(
      `Expected schema/${file} to be the API's schema, but they part at line ${line + 1}: ` +
        `run \`npm run schema\` and look at the difference before you commit it.\n` +
        `  code: ${want?.[line] ?? '(end)'}\n  file: ${got?.[line] ?? '(end)'}`,
    );
  });

  it('can be read by any GraphQL tool', () => {
    expect(Object.keys(buildSchema(printApi(schema)).getTypeMap()).sort()).toEqual(
      Object.keys(schema.getTypeMap()).sort(),
    );
  });

  it('describes every type, field, argument, input field and enum value', () => {
    expect(undescribed(schema)).toEqual([]);
  });

  it('has a rule on every root field', () => {
    const fields = [schema.getQueryType(), schema.getMutationType()].flatMap((type) =>
      Object.values(type?.getFields() ?? {}),
    );
    expect(fields.filter((field) => extensionsOf(field).rule === undefined)).toEqual([]);
    expect(fields.length).toBeGreaterThan(leastRootFields);
  });
});

it('would name what lacks a description', () => {
  const poor = buildSchema(`
    type Query { "Fine." a(b: Int): E }
    "Fine." enum E { X }
    input I { "Fine." c: Int, d: Int }
  `);
  expect(undescribed(poor).sort()).toEqual(['E.X', 'I', 'I.d', 'Query.a(b)']);
});
