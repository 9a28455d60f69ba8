/** A record that is created in one flight is the record that a transaction would have made. */
import { kinds } from '../../src/crm/kinds';
import type { Field } from '../../src/crm/kind/fields';
import type { Kind, KindRow, RuleServices } from '../../src/crm/kind/kind';
import { createKindWriter, type WriteContext } from '../../src/crm/kind/kind-writer';
import { MINUTE } from '../../src/lib/duration';
import type { OperationSession } from '../../src/tenancy/session.port';
import { createWorld, type TenantName, type World } from '../support/world';

const NEVER = (): never => {
  throw new Error('Expected not to be asked.');
};
const services: RuleServices = {
  hashPassword: async () => 'hash',
  emailRouting: { route: async () => undefined, unroute: async () => undefined },
} as unknown as RuleServices;

const contextOf = (tx: WriteContext['tx']): WriteContext => ({
  tx,
  actorId: undefined,
  services,
  afterCommit: NEVER,
});
/** Each statement in a transaction of its own. */
const flights = (session: OperationSession): WriteContext['tx'] => ({
  localTenantId: session.localTenantId,
  query: (statement) => session.write(statement),
});

const valueOf = (name: string, { type, values, maxLength = 255, max }: Field): unknown => {
  switch (type) {
    case 'text':
      return /country/i.test(name) ? 'DE' : `"${name}" \\ Ünï 😀`.slice(0, maxLength);
    case 'email':
      return 'Somebody@Example.test';
    case 'phone':
      return '+4930123456';
    case 'url':
      return 'https://example.test/?a="b"';
    case 'integer':
      return Math.min(max ?? 7, 1999);
    case 'decimal':
      return '7.50';
    case 'boolean':
      return true;
    case 'date':
      return '2031-02-28';
    case 'dateTime':
      return new Date(Date.UTC(2031, 1, 28, 12) + (/end/i.test(name) ? MINUTE : 0));
    case 'enum':
      return values?.at(-1);
    case 'money':
      return { amount: '1500.5000', currencyCode: 'EUR' };
    case 'address':
      return { street: 'Say "hi" 1', city: 'Zürich', countryCode: 'CH', region: null };
    case 'json':
      return { list: [1, 'two', null], text: "it's" };
  }
};

const made = new Map<string, { alpha: string; beta: string }>();

const valuesFor = (kind: Kind, tenant: 'alpha' | 'beta', full: boolean) => ({
  ...(full ? { externalId: `ext-${kind.name}` } : {}),
  ...Object.fromEntries(
    Object.entries(kind.fields).flatMap(([name, field]) =>
      field.computed !== undefined ||
      field.readOnly === true ||
      field.inputOnly === true ||
      (!full && field.required !== true)
        ? []
        : [[name, valueOf(name, field)]],
    ),
  ),
  ...Object.fromEntries(
    kind.parents.flatMap(({ idField, kind: parent, required }) =>
      full || required === true ? [[idField, made.get(parent)?.[tenant] ?? null]] : [],
    ),
  ),
});

const OWN = new Set(['id', 'createdAt', 'updatedAt']);
const isTime = (kind: Kind, key: string): boolean =>
  kind.fields[key]?.default?.startsWith('now') === true;
const comparable = (kind: Kind, row: KindRow): unknown =>
  Object.fromEntries(
    Object.entries(row)
      .filter(([key]) => !OWN.has(key))
      .map(([key, value]) =>
        isTime(kind, key) || kind.parents.some(({ idField }) => idField === key)
          ? [key, value !== null]
          : [key, value],
      ),
  );

let world: World;
const open = async (name: TenantName): Promise<OperationSession> => {
  const { tenancy } = world.application;
  const tenant = await tenancy.registry.findTenantBySlug(name);
  if (tenant === undefined) throw new Error(`There is no tenant ${name}.`);
  return tenancy.openSession(tenant);
};

beforeAll(async () => {
  world = await createWorld();
});
afterAll(() => world.close());

const plain = kinds.kinds.filter(
  ({ rules }) => rules.check === undefined || rules.checksOnlyChanges === true,
);
const writer = createKindWriter(kinds);

it('is all that most kinds need', () => {
  const others = kinds.kinds.filter((kind) => !plain.includes(kind));
  expect(others.map(({ name }) => name)).toEqual(['User']);
});

describe.each([false, true])('a new record of each kind (all fields: %s)', (full) => {
  it.each(plain.map((kind) => [kind.name, kind] as const))('%s', async (_name, kind) => {
    const [alpha, beta] = await Promise.all([open('alpha'), open('beta')]);
    world.forgetStatements();
    const atOnce = await writer.createAtOnce(
      contextOf(flights(alpha)),
      kind,
      valuesFor(kind, 'alpha', full),
      () => [],
    );
    expect(world.statements).toHaveLength(1);
    const [stepByStep] = await beta.transaction((tx) =>
      writer.create(contextOf(tx), kind, [valuesFor(kind, 'beta', full)], () => []),
    );
    if (atOnce === undefined || stepByStep === undefined) throw new Error('Expected two records.');
    made.set(kind.name, { alpha: atOnce.id, beta: stepByStep.id });
    expect(comparable(kind, atOnce)).toEqual(comparable(kind, stepByStep));
  });
});

it('has nothing to ask of the rules that look at changes alone', async () => {
  for (const { rules } of plain) {
    const tx = { localTenantId: '', query: NEVER };
    const row = { id: 'a', parentId: 'b', reportsToId: 'b', managerId: 'b' } as unknown as KindRow;
    const written = { row, before: undefined, given: row, created: true };
    await rules.check?.({ ...contextOf(tx), services: { ...services } }, written, NEVER);
  }
});

describe('over the API', () => {
  const CREATE = `mutation ($input: CreateContactInput!) {
    createContact(input: $input) { contact { lastName account { name } } userErrors { field code } } }`;
  const create = async (input: Record<string, unknown>) =>
    (await world.query({ tenant: 'alpha', role: 'member' }, CREATE, { input })).data;

  it('takes one statement', async () => {
    await create({ lastName: 'Warm' });
    world.forgetStatements();
    expect(await create({ lastName: 'One' })).toEqual({
      createContact: { contact: { lastName: 'One', account: null }, userErrors: [] },
    });
    expect(world.statements.map(({ text }) => text.slice(0, 11))).toEqual(['insert into']);
  });

  it('explains what a single statement was refused for', async () => {
    const input = { lastName: 'Twice', externalId: 'the-same' };
    expect(await create(input)).toMatchObject({ createContact: { userErrors: [] } });
    world.forgetStatements();
    expect(await create(input)).toEqual({
      createContact: { contact: null, userErrors: [{ field: ['externalId'], code: 'CONFLICT' }] },
    });
    expect(world.statements).toHaveLength(1); // what Postgres said is enough
    const nobody = 'account_00000000000000000000000000';
    expect(await create({ lastName: 'Lost', accountId: nobody })).toEqual({
      createContact: { contact: null, userErrors: [{ field: ['accountId'], code: 'NOT_FOUND' }] },
    });
    const { data } = await world.query(
      { tenant: 'alpha' },
      '{ contacts(filter: { lastName: { in: ["Twice", "Lost"] } }) { totalCount } }',
    );
    expect(data).toEqual({ contacts: { totalCount: 1 } });
  });
});
