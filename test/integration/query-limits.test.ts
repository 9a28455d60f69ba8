import { getIntrospectionQuery } from 'graphql';
import { outcomeOf, startServer } from '../support/start-server';
import type { Answer, StartedServer } from '../support/start-server';

const GRAPHQL_RESPONSE = 'application/graphql-response+json';

let server: StartedServer;

beforeAll(async () => {
  server = await startServer();
});

afterAll(() => server.close());

const times = (count: number, make: (index: number) => string): string =>
  Array.from({ length: count }, (_, index) => make(index)).join(' ');

const nested = (field: string, depth: number, leaf: string): string =>
  `${`${field}{`.repeat(depth - 1)}${leaf}${'}'.repeat(depth - 1)}`;

const bomb = (type: string, leaf: string, levels: number): string =>
  `{...f0} ${times(levels, (i) => `fragment f${i} on ${type}{...f${i + 1} ...f${i + 1}}`)} ` +
  `fragment f${levels} on ${type}{${leaf}}`;

const ask = (query: string): Promise<Answer> => server.post(query, { as: 'admin' });

describe('a hostile document', () => {
  it.each([
    ['101 aliases', `{${times(101, (i) => `a${i}:__typename`)}}`, '400 QUERY_TOO_COMPLEX'],
    [
      '16 aliased log-ins',
      `mutation{${times(16, (i) => `a${i}:login(input:{email:"a@b.test"})`)}}`,
      '400 QUERY_TOO_COMPLEX',
    ],
    ['11 levels', `{account{${nested('parent', 10, 'id')}}}`, '400 QUERY_TOO_COMPLEX'],
    ['2,000 levels', `{${nested('account', 2000, 'id')}}`, '400 GRAPHQL_PARSE_FAILED'],
    ['100,000 levels without an end', '{'.repeat(100_000), '400 GRAPHQL_PARSE_FAILED'],
    [
      'a fragment that spreads itself',
      '{account{...f}} fragment f on Account{id ...f}',
      '400 GRAPHQL_VALIDATION_FAILED',
    ],
    ['2^16 fragments', bomb('Query', '__typename', 16), '400 QUERY_TOO_COMPLEX'],
    [
      '1,000 directives',
      `{hello ${times(1000, () => '@include(if:true)')}}`,
      '400 GRAPHQL_VALIDATION_FAILED',
    ],
    [
      'directives that do not exist',
      `{hello ${times(10, () => '@aa')}}`,
      '400 GRAPHQL_VALIDATION_FAILED',
    ],
    ['3,000 duplicate fields', `{${times(3000, () => 'hello')}}`, '400 GRAPHQL_PARSE_FAILED'],
    ['500 duplicate fields', `{${times(500, () => '__typename')}}`, '400 QUERY_TOO_COMPLEX'],
    ['1,001 tokens', `{${times(999, (i) => `f${i}`)}}`, '400 GRAPHQL_PARSE_FAILED'],
    ['15,001 characters', `{text(length: 1) # ${'x'.repeat(15_000)}\n}`, '400 QUERY_TOO_COMPLEX'],
    [
      'nested pages of 100',
      '{accounts(first:100){nodes{children(first:100){nodes{children(first:100){nodes{id}}}}}}}',
      '400 QUERY_TOO_COMPLEX',
    ],
    [
      'circular introspection',
      '{__schema{types{fields{type{fields{type{fields{type{fields{type{name}}}}}}}}}}}',
      '400 GRAPHQL_VALIDATION_FAILED',
    ],
    ['an integer of 2^31', '{text(length: 2147483648)}', '400 GRAPHQL_VALIDATION_FAILED'],
    ['a number of 1e400', '{text(length: 1e400)}', '400 GRAPHQL_VALIDATION_FAILED'],
    [
      '90 long unknown fields',
      `{${times(90, (i) => `${'x'.repeat(150)}${i}`)}}`,
      '400 GRAPHQL_VALIDATION_FAILED',
    ],
    ['a name of 14,000 letters', `{${'x'.repeat(14_000)}}`, '400 GRAPHQL_VALIDATION_FAILED'],
  ])('of %s is refused in less than 1 KB', async (_name, query, expected) => {
    const answer = await ask(query);
    expect(outcomeOf(answer)).toBe(expected);
    expect(answer.text.length).toBeLessThanOrEqual(1024);
    expect(answer.text).not.toMatch(/call stack/i);
    expect(answer.body.data).toBeUndefined();
  });

  it('does not reach the tenant’s session', async () => {
    await ask('{accounts(first:100){nodes{children(first:100){nodes{children{nodes{id}}}}}}}');
    expect(server.contexts.at(-1)).toEqual({ plans: [], cancels: [], ends: 1 });
  });
});

describe('variables', () => {
  const query = 'query($length: Int!) { text(length: $length) }';

  it.each([2 ** 31, 'abc', null, '9'.repeat(50_000)])(
    'that do not fit are bad user input (%p)',
    async (length) => {
      const answer = await server.post(query, { variables: { length } });
      expect(outcomeOf(answer)).toBe('400 BAD_USER_INPUT');
      expect(answer.text.length).toBeLessThanOrEqual(1024);
    },
  );

  it.each([
    ['objects', '{"a":', '1', '}'],
    ['lists', '[', '', ']'],
  ])('of thousands of %s within each other are too complex', async (_name, open, leaf, close) => {
    const depth = 10_000;
    const body = `{"query":${JSON.stringify(query)},"variables":{"length":${open.repeat(depth)}${leaf}${close.repeat(depth)}}}`;
    const answer = await fetch(server.graphqlUrl, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: GRAPHQL_RESPONSE },
      body,
    });
    expect(answer.status).toBe(400);
    const text = await answer.text();
    expect(text).toContain('QUERY_TOO_COMPLEX');
    expect(text.length).toBeLessThanOrEqual(1024);
  });

  it('that set page sizes count like literals', async () => {
    const pages =
      'query($n: Int){accounts(first:$n){nodes{children(first:$n){nodes{children(first:$n){nodes{id}}}}}}}';
    const answer = await server.post(pages, { variables: { n: 100 }, as: 'reader' });
    expect(outcomeOf(answer)).toBe('400 QUERY_TOO_COMPLEX');
    expect(answer.body.errors?.[0]?.extensions).toMatchObject({
      limitName: 'cost',
      requested: 1_010_100,
      limit: 50_000,
    });
    const few = await server.post(pages, { variables: { n: 5 }, as: 'reader' });
    expect(outcomeOf(few)).toBe('200 OK');
  });
});

describe('an ordinary document', () => {
  it('of ten levels is answered', async () => {
    expect(outcomeOf(await ask(`{account{${nested('parent', 9, 'id')}}}`))).toBe('200 OK');
  });

  it('of fifteen aliases and nine directives is answered', async () => {
    const aliases = times(15, (i) => `a${i}: hello ${i < 9 ? '@include(if: true)' : ''}`);
    expect(outcomeOf(await ask(`{ ${aliases} }`))).toBe('200 OK');
  });

  it('is the introspection of an explorer', async () => {
    expect(outcomeOf(await ask(getIntrospectionQuery()))).toBe('200 OK');
  });

  it('tells the session how many statements it needs, once', async () => {
    await ask('{ account { id parent { id } } }');
    expect(server.contexts.at(-1)).toEqual({ plans: [2], cancels: [], ends: 1 });
  });

  it('that needs no statement plans none', async () => {
    await ask('{ hello }');
    expect(server.contexts.at(-1)).toEqual({ plans: [], cancels: [], ends: 1 });
  });
});

describe('a tenant whose expensive operations use up its minute', () => {
  it('is told when to come back, and still gets the cheap ones', async () => {
    const small = await startServer({ environment: { LIMIT_TENANT_COST_PER_MINUTE: '25000' } });
    try {
      const expensive = '{accounts(first:100){nodes{children(first:100){nodes{id}}}}}';
      const answers = [];
      for (let index = 0; index < 3; index += 1) {
        answers.push(await small.post(expensive, { as: 'reader' }));
      }
      expect(answers.map(outcomeOf)).toEqual(['200 OK', '200 OK', '429 RATE_LIMITED']);
      expect(Number(answers[2]?.headers.get('retry-after'))).toBeGreaterThan(0);
      expect(outcomeOf(await small.post('{account{id}}', { as: 'reader' }))).toBe('200 OK');
    } finally {
      await small.close();
    }
  });
});
