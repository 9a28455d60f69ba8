/**
 * Every place that takes an id, tried with the ids of other tenants and with ids that nobody has.
 * The places are read from the schema: a new kind, mutation or filter is tried as soon as it exists.
 */
import type { GraphQLSchema } from 'graphql';
import { buildCrmSchema } from '../../src/crm/crm-schema';
import type { SampleSource } from '../support/isolation-inputs';
import {
  coordinatesOf,
  idCoordinates,
  nameOfPlace,
  placesOf,
  rootFields,
  type InputPlace,
} from '../support/isolation-places';
import {
  chunksOf,
  PROBES_PER_DOCUMENT,
  requestsOf,
  type GraphqlRequest,
  type Probe,
} from '../support/isolation-requests';
import { askAs, mapAtOnce } from '../support/isolation-run';
import { newRecords, withNewRecords } from '../support/isolation-records';
import {
  checksumsOf,
  markTenant,
  randomIdLike,
  uuidOf,
  type MarkedTenant,
} from '../support/watermark';
import { createWorld, type Answer, type TenantName, type World } from '../support/world';

const NEIGHBOURS = [
  ['beta', 'in the same shared database'],
  ['gamma', 'in a dedicated database'],
  ['delta', 'in a database of its own with another local id'],
] as const satisfies readonly (readonly [TenantName, string])[];

/** Root fields that concern the caller alone. */
const WITHOUT_IDS = [
  'acceptInvitation',
  'addHostname',
  'changePassword',
  'completeMfa',
  'confirmMfa',
  'disableMfa',
  'enrolMfa',
  'hostnames',
  'inviteUser',
  'login',
  'logout',
  'refreshSession',
  'regenerateRecoveryCodes',
  'register',
  'removeHostname',
  'requestPasswordReset',
  'resetPassword',
  'revokeOtherSessions',
  'search',
  'switchTenant',
  'tenantConnection',
  'tenantUsage',
  'verifyHostname',
  'viewer',
];

describe('an id of another tenant', () => {
  let world: World;
  let schema: GraphQLSchema;
  let places: InputPlace[];
  let alpha: MarkedTenant;
  let others: MarkedTenant[];
  /** The answers to ids that nobody has. */
  let controls: Answer[];
  beforeAll(async () => {
    [world, schema] = await Promise.all([createWorld(), buildCrmSchema()]);
    places = placesOf(schema, 'ID');
    const [first, ...rest] = await Promise.all(
      (['alpha', ...NEIGHBOURS.map(([name]) => name)] as const).map((name) =>
        markTenant(world, schema, name),
      ),
    );
    alpha = first as MarkedTenant; // alpha is always among them
    others = rest;
    controls = await mapAtOnce(requestsOf(probesWith(places, random), around()), ask);
  });
  afterAll(() => world.close());

  /** Foreign and random ids stand at the same place, everything around them is alpha's own. */
  const around = (): SampleSource => ({
    ...alpha.source,
    text: (field) => (field === 'password' ? alpha.source.text(field) : `same ${field}`),
    email: () => 'same@same.test',
  });
  const ask = (request: GraphqlRequest): Promise<Answer> => askAs(world, 'alpha', others, request);

  /** The probes of all places with ids as `idOf` gives them; in lists both alone and behind an own id. */
  const probesWith = (which: readonly InputPlace[], idFor: (kind: string) => string): Probe[] =>
    which.flatMap((place): Probe[] => {
      const id = idFor(place.idOf ?? '');
      const inner = place.path.at(-1) ?? place.argument;
      const own = place.idOf === 'Node' ? undefined : alpha.records[place.idOf ?? '']?.[0];
      if (String(inner.type).includes('[')) {
        return [
          { place, value: [id] },
          ...(own === undefined ? [] : [{ place, value: [own, id] }]),
        ];
      }
      const listed =
        place.operation === 'mutation' && place.path.some(({ type }) => String(type).includes('['));
      return listed
        ? [
            { place, value: id, inList: 'alone' as const },
            { place, value: id, inList: 'second' as const },
          ]
        : [{ place, value: id }];
    });

  const anyKind = 'Account';
  const idsOf =
    (pick: (kind: string) => string | undefined) =>
    (kind: string): string => {
      const id = pick(kind === 'Node' ? anyKind : kind);
      if (id === undefined)
        throw new Error(`There is no record of "${kind}" to try: every id names its kind in idOf.`);
      return id;
    };
  const random = idsOf((kind) => randomIdLike(alpha.records[kind]?.[0] ?? ''));

  it('is tried at every place of the schema that takes one', () => {
    const tried = new Set(places.flatMap((place) => coordinatesOf(schema, place)));
    expect(idCoordinates(schema).filter((coordinate) => !tried.has(coordinate))).toEqual([]);
    expect(places.filter(({ idOf }) => idOf === undefined).map(nameOfPlace)).toEqual([]);
    const roots = new Set(places.map(({ fields: [root] }) => root?.name));
    const passedOver = (['query', 'mutation'] as const)
      .flatMap((operation) => rootFields(schema, operation))
      .map(({ name }) => name)
      .filter((name) => !roots.has(name));
    // What a record is made from refers to others only where its kind does.
    expect(passedOver.filter((name) => !/^(create|upsert)/.test(name)).sort()).toEqual(WITHOUT_IDS);
    expect(places.length).toBeGreaterThan(1500);
  });

  describe.each(NEIGHBOURS)('%s, %s', (name) => {
    it('is answered as an id that nobody has, byte for byte, and changes nothing', async () => {
      const other = others.find((each) => each.name === name) as MarkedTenant; // marked above
      const before = await Promise.all([checksumsOf(world, name), checksumsOf(world, 'alpha')]);
      const living = requestsOf(
        probesWith(
          places,
          idsOf((kind) => other.records[kind]?.[0]),
        ),
        around(),
      );
      await mapAtOnce(living, async (request, index) =>
        assertSame(request, await ask(request), controls[index]),
      );
      // What was deleted can be restored and purged, by its own tenant.
      const direct = places.filter(
        ({ operation, path }) => operation === 'mutation' || path.length === 0,
      );
      const deleted = requestsOf(
        probesWith(
          direct,
          idsOf((kind) => other.deleted[kind]),
        ),
        around(),
      );
      const nobodys = requestsOf(probesWith(direct, random), around());
      await mapAtOnce(
        deleted,
        async (request, index) =>
          assertSame(request, await ask(request), await ask(nobodys[index] as GraphqlRequest)), // equally many
      );
      expect(await Promise.all([checksumsOf(world, name), checksumsOf(world, 'alpha')])).toEqual(
        before,
      );
    });
  });

  function assertSame(request: GraphqlRequest, answer: Answer, control: Answer | undefined): void {
    if (answer.text !== control?.text || answer.status !== control.status) {
      // Says at which places, which the answers of many probes do not.
      expect({ ...request, answer: answer.text }).toEqual({ ...request, answer: control?.text });
    }
    if (request.query.startsWith('mutation')) expect(answer.text).toContain('"code":"NOT_FOUND"');
  }

  it('would have been noticed: an own id is found at every place of a query', async () => {
    let unnoticed = places.filter(({ operation }) => operation === 'query');
    for (const number of [0, 1, 2, 3]) {
      const chunks = chunksOf(unnoticed, PROBES_PER_DOCUMENT);
      const missed = await mapAtOnce(chunks, async (chunk) => {
        const answers = await Promise.all(
          [random, idsOf((kind) => alpha.records[kind]?.[number])].map(async (idFor) => {
            const probes = chunk.map((place) => ({
              place,
              value: valueAt(place, idFor(place.idOf ?? '')),
            }));
            const [request] = requestsOf(probes, around());
            return (await ask(request as GraphqlRequest)).data; // a chunk is one request
          }),
        );
        const [control, own] = answers.map((data) =>
          chunk.map((_, index) => JSON.stringify(data[`a${index}`])),
        );
        return chunk.filter((_, index) => own?.[index] === control?.[index]);
      });
      unnoticed = missed.flat();
    }
    expect(unnoticed.map(nameOfPlace)).toEqual([]);
  });

  it('would have been noticed: every mutation succeeds with an own id', async () => {
    const mutations = places.filter(({ operation }) => operation === 'mutation');
    const refused = await mapAtOnce(mutations, async (place) => {
      const { text } = await changeOwn(place);
      return text.includes('"userErrors":[]') ? [] : [`${nameOfPlace(place)}: ${text}`];
    });
    expect(refused.flat()).toEqual([]);
  });

  const valueAt = (place: InputPlace, id: string): unknown =>
    String((place.path.at(-1) ?? place.argument).type).includes('[') ? [id] : id;

  /** With records made for it, since it may change or remove them. */
  async function changeOwn(place: InputPlace): Promise<Answer> {
    const name = place.fields[0]?.name ?? '';
    const [target = ''] = await newRecords(world, schema, alpha, [place.idOf ?? ''], {
      deleted: name.startsWith('restore'),
    });
    if (/^(resend|cancel)Invitation$/.test(name)) await makeInvited(target);
    const request = await withNewRecords(world, schema, alpha, (source) => {
      const [built] = requestsOf([{ place, value: valueAt(place, target) }], source);
      return built as GraphqlRequest; // one probe is one request
    });
    return ask(request);
  }

  const makeInvited = (userId: string) =>
    world.sql(
      world.tenants.alpha.database,
      "update cloister.users set status = 'invited', password_hash = null where id = $1",
      [uuidOf(userId)],
    );
});
