import { buildSchema, getOperationAST, parse } from 'graphql';
import type { GraphQLSchema } from 'graphql';
import { AppError } from '../errors';
import type { FieldExtensions } from './extensions';
import { assertWithinLimits, measureOperation } from './operation-measure';
import type { OperationMeasure } from './operation-measure';

const schema = createSchema();

function createSchema(): GraphQLSchema {
  const built = buildSchema(`
    type Account { id: ID parent: Account accounts(first: Int, last: Int): Accounts owner: Account }
    type Accounts { nodes: [Account] totalCount: Int }
    union Found = Account
    type Query { account: Account accounts(first: Int, last: Int): Accounts hello: String found: Found }
  `);
  const connection: FieldExtensions = {
    statements: 1,
    connection: { defaultFirst: 20, maxFirst: 100 },
  };
  const say = (type: string, field: string, extensions: FieldExtensions): void => {
    const object = built.getType(type);
    if (!object || !('getFields' in object)) throw new Error(`Expected the type ${type}.`);
    Object.assign(object.getFields()[field]?.extensions ?? {}, extensions);
  };
  say('Query', 'account', { statements: 1 });
  say('Query', 'accounts', connection);
  say('Account', 'accounts', connection);
  say('Account', 'parent', { statements: 1 });
  say('Accounts', 'totalCount', { statements: 1 });
  return built;
}

function measure(query: string, variables: Record<string, unknown> = {}): OperationMeasure {
  const document = parse(query);
  const operation = getOperationAST(document);
  if (!operation) throw new Error('Expected one operation.');
  return measureOperation({ schema, document, operation, variables });
}

describe('depth', () => {
  it('counts nested fields, not fragments', () => {
    expect(measure('{ hello }').depth).toBe(1);
    expect(
      measure('{ account { ... on Account { ...F } } } fragment F on Account { id }').depth,
    ).toBe(2);
  });

  it('is that of the deepest branch, also below a fragment used at several depths', () => {
    const query =
      '{ account { ...F parent { parent { ...F } } } } fragment F on Account { parent { id } }';
    expect(measure(query).depth).toBe(5);
  });

  it('does not count what lies beneath introspection', () => {
    expect(measure('{ __schema { types { fields { type { name } } } } }')).toMatchObject({
      depth: 1,
      introspects: true,
    });
  });
});

describe('counts', () => {
  it('cover every alias, of __typename and in fragments at each spread', () => {
    expect(
      measure('{ a: __typename account { ...F parent { ...F } } } fragment F on Account { b: id }')
        .aliases,
    ).toBe(3);
  });

  it('cover directives on the operation, fields, spreads and inline fragments', () => {
    const query =
      'query @a { account @b { ... @c { id } ...F @d } } fragment F on Account { id @e }';
    expect(measure(query).directives).toBe(5);
  });

  it('cover fields written twice beside each other, but not those of fragments', () => {
    expect(measure('{ hello hello hello ...F } fragment F on Query { hello }').repeats).toBe(2);
  });

  it('cover root fields through fragments', () => {
    expect(measure('{ hello ...F } fragment F on Query { account { id } hello }').rootFields).toBe(
      3,
    );
  });

  it('cover statements of every selected field once, whatever the page sizes', () => {
    const query =
      '{ accounts(first: 100) { totalCount nodes { parent { id } accounts { nodes { id } } } } }';
    expect(measure(query).statements).toBe(4);
  });

  it('end in a fragment that spreads itself', () => {
    expect(measure('{ account { ...F } } fragment F on Account { id ...F }').fields).toBe(2);
  });

  it('of a fragment that doubles sixteen times are taken with sixteen visits', () => {
    const levels = Array.from(
      { length: 500 },
      (_, index) => `fragment f${index} on Query { ...f${index + 1} ...f${index + 1} }`,
    );
    const bomb = `{ ...f0 } ${levels.join(' ')} fragment f500 on Query { hello }`;
    // 2^500 visits would never end; the figure stays a printable number.
    expect(measure(bomb).fields).toBe(Number.MAX_SAFE_INTEGER);
  });
});

describe('cost', () => {
  it.each([
    ['{ hello }', 0],
    ['{ account { id parent { id } } }', 2],
    ['{ accounts { nodes { id } } }', 20],
    ['{ accounts(first: 5) { nodes { id } } }', 5],
    ['{ accounts(last: 7) { nodes { id } } }', 7],
    ['{ accounts(first: null) { nodes { id } } }', 20],
    ['{ accounts(first: 5) { nodes { accounts(first: 3) { nodes { parent { id } } } } } }', 35],
    ['{ accounts(first: 5) { nodes { ...F } } } fragment F on Account { parent { id } }', 10],
  ])('of %s is %i', (query, cost) => {
    expect(measure(query).cost).toBe(cost);
  });

  it.each([0, -1, 101, 99_999_999])('of a page size of %i is that of the largest page', (size) => {
    expect(measure(`{ accounts(first: ${size}) { nodes { id } } }`).cost).toBe(100);
  });

  it('takes page sizes from variables and their defaults', () => {
    const query = 'query($n: Int = 7) { accounts(first: $n) { nodes { id } } }';
    expect(measure(query).cost).toBe(7);
    expect(measure(query, { n: 9 }).cost).toBe(9);
    expect(measure(query, { n: null }).cost).toBe(20);
    expect(measure(query, { n: '9' }).cost).toBe(100);
  });

  it('of pages within pages within pages multiplies', () => {
    const query =
      '{ accounts(first: 100) { nodes { accounts(first: 100) { nodes { accounts(first: 100) { nodes { id } } } } } } }';
    expect(measure(query).cost).toBe(1_010_100);
  });
});

describe('limits', () => {
  const limits = { depth: 2, aliases: 1, directives: 1, selections: 4, cost: 10 };

  it('let an operation pass that reaches each and exceeds none', () => {
    const query = '{ account { a: id @x id } hello }';
    expect(() => assertWithinLimits(measure(query), limits)).not.toThrow();
  });

  it.each([
    ['{ account { parent { id } } }', 'depth'],
    ['{ a: hello b: hello }', 'aliases'],
    ['{ hello hello hello }', 'repeats'],
    ['{ hello @x ... @y { hello } }', 'directives'],
    ['{ account { id } hello ...F } fragment F on Query { hello __typename }', 'fields'],
    ['{ accounts { totalCount } }', 'cost'],
  ])('refuse %s for its %s', (query, limitName) => {
    const refusal = (): void => assertWithinLimits(measure(query), limits);
    expect(refusal).toThrow(AppError);
    expect(refusal).toThrow(
      expect.objectContaining({
        code: 'QUERY_TOO_COMPLEX',
        details: expect.objectContaining({ limitName }) as unknown,
      }) as Error,
    );
  });
});
