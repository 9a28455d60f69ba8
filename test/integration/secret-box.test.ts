/** Data keys in a real registry: who opens what, what is remembered, and what a fault does. */
import { randomBytes } from 'node:crypto';
import { Client } from 'pg';
import { uuidv7 } from 'uuidv7';
import { isAppError } from '../../src/errors';
import { toTypeId } from '../../src/lib/type-id';
import type { KeyOwner } from '../../src/tenancy/secrets/data-keys.store';
import { seal } from '../../src/tenancy/secrets/envelope';
import { parseKeyring } from '../../src/tenancy/secrets/keyring';
import { createTenancy, type Tenancy } from '../../src/tenancy/tenancy';
import { useAwsCredentials } from '../support/aws-credentials';
import { cloneDatabase, type TestDatabase } from '../support/databases';
import { eventually } from '../support/data-sources';
import { startKmsServer, type KmsServer } from '../support/kms-server';
import { testConfig, testRegistryTemplate } from '../support/world';

const KEYS = `t1:${'0123456789abcdef'.repeat(4)}`;
const SECRET = 'JBSWY3DPEHPK3PXP';
const place = (rowId = uuidv7()) => ({ rowId, column: 'secret_sealed' });
const tenant = (): KeyOwner => ({ kind: 'tenant', id: uuidv7() });

const reasonOf = async (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => 'opened',
    (error: unknown) => (isAppError(error) ? error.details['reason'] : error),
  );

useAwsCredentials();

describe('the secret box', () => {
  let database: TestDatabase;
  let kms: KmsServer;
  let admin: Client;
  const open: Tenancy[] = [];

  const tenancy = (environment: NodeJS.ProcessEnv = {}, listen = false): Tenancy => {
    const made = createTenancy(testConfig(database, environment), { listen });
    open.push(made);
    return made;
  };
  const withKms = (more: NodeJS.ProcessEnv = {}) =>
    tenancy({
      REGISTRY_KEY_PROVIDER: 'aws-kms',
      REGISTRY_KMS_KEYS: 'arn:one',
      REGISTRY_KMS_REGION: 'eu-central-1',
      REGISTRY_KMS_ENDPOINT: kms.url,
      REGISTRY_KEY_TIMEOUT_MS: '200',
      ...more,
    });

  beforeAll(async () => {
    database = await cloneDatabase(await testRegistryTemplate());
    kms = await startKmsServer(['arn:one', 'arn:two']);
    admin = new Client({ connectionString: database.superuserUrl });
    await admin.connect();
  });
  afterEach(async () => {
    kms.set('works');
    await Promise.all(open.splice(0).map((each) => each.close()));
  });
  afterAll(async () => {
    await Promise.all([admin.end(), kms.close()]);
    await database.drop();
  });

  it('opens what it sealed, in another process too, and names a data key that cannot be a key id of REGISTRY_KEYS', async () => {
    const [owner, at] = [tenant(), place()];
    const sealed = await tenancy().secretBox.seal(owner, at, SECRET);
    expect(sealed).toMatch(/^v1\.datakey_[0-9a-z]{26}\./);
    expect(await tenancy().secretBox.open(owner, at, sealed)).toBe(SECRET);
  });

  it('gives an owner one data key, whoever seals first and however many at once', async () => {
    const owner = tenant();
    const boxes = [tenancy().secretBox, tenancy().secretBox] as const;
    const sealed = await Promise.all(
      Array.from({ length: 12 }, (_, index) =>
        boxes[index % 2 === 0 ? 0 : 1].seal(owner, place(), SECRET),
      ),
    );
    expect(new Set(sealed.map((envelope) => envelope.split('.')[1])).size).toBe(1);
    const { rows } = await admin.query('select from registry.data_keys where owner_id = $1', [
      owner.id,
    ]);
    expect(rows).toHaveLength(1);
  });

  it('opens for its owner, its row and its column alone', async () => {
    const { secretBox } = tenancy();
    const [owner, other, at] = [tenant(), tenant(), place()];
    const sealed = await secretBox.seal(owner, at, SECRET);
    const theirs = await secretBox.seal(other, at, SECRET);
    expect(await reasonOf(secretBox.open(other, at, sealed))).toBe('BAD_KEY');
    expect(await reasonOf(secretBox.open({ ...owner, kind: 'data_source' }, at, sealed))).toBe(
      'BAD_KEY',
    );
    expect(await reasonOf(secretBox.open(owner, place(), sealed))).toBe('BAD_KEY');
    expect(await reasonOf(secretBox.open(owner, { ...at, column: 'other' }, sealed))).toBe(
      'BAD_KEY',
    );
    // Another owner's key under our ciphertext, and the other way round.
    const [mine, foreign] = [sealed.split('.'), theirs.split('.')];
    for (const [keyId, body] of [
      [foreign[1], mine],
      [mine[1], foreign],
    ] as const) {
      const forged = ['v1', keyId, ...body.slice(2)].join('.');
      expect(await reasonOf(secretBox.open(owner, at, forged))).toBe('BAD_KEY');
    }
  });

  it('does not open when any one character is another', async () => {
    const { secretBox } = tenancy();
    const [owner, at] = [tenant(), place()];
    const sealed = await secretBox.seal(owner, at, SECRET);
    for (let index = 0; index < sealed.length; index += 1) {
      const other = sealed[index] === 'a' ? 'b' : 'a';
      const forged = sealed.slice(0, index) + other + sealed.slice(index + 1);
      expect(await reasonOf(secretBox.open(owner, at, forged))).toBe('BAD_KEY');
    }
  });

  it('does not open when two data keys have changed places in the registry', async () => {
    const { secretBox } = tenancy();
    const [owner, other, at] = [tenant(), tenant(), place()];
    const sealed = await secretBox.seal(owner, at, SECRET);
    await secretBox.seal(other, at, SECRET);
    await admin.query(
      `update registry.data_keys k set key_sealed = o.key_sealed from registry.data_keys o
       where k.owner_id in ($1, $2) and o.owner_id in ($1, $2) and k.id <> o.id`,
      [owner.id, other.id],
    );
    expect(await reasonOf(tenancy().secretBox.open(owner, at, sealed))).toBe('BAD_KEY');
  });

  it('names an unknown data key and an unknown key id as a bad key', async () => {
    const { secretBox } = tenancy();
    const [owner, at] = [tenant(), place()];
    const parts = (await secretBox.seal(owner, at, SECRET)).split('.');
    for (const keyId of [toTypeId('datakey', uuidv7()), 't9', 't1', '../../dev/null', '']) {
      const forged = ['v1', keyId, ...parts.slice(2)].join('.');
      expect(await reasonOf(secretBox.open(owner, at, forged))).toBe('BAD_KEY');
    }
  });

  it('opens what a key of REGISTRY_KEYS sealed directly, and refuses it once that key is struck off', async () => {
    const [owner, at] = [tenant(), place()];
    const sealed = seal(SECRET, at, parseKeyring(KEYS));
    expect(await tenancy().secretBox.open(owner, at, sealed)).toBe(SECRET);
    const without = tenancy({ REGISTRY_KEYS: `t2:${'ab'.repeat(32)}` });
    expect(await reasonOf(without.secretBox.open(owner, at, sealed))).toBe('BAD_KEY');
  });

  it('opens nothing of an owner whose keys were destroyed, in any process, and seals anew', async () => {
    const [here, there] = [tenancy(), tenancy({}, true)];
    const [owner, other, at] = [tenant(), tenant(), place()];
    const sealed = await here.secretBox.seal(owner, at, SECRET);
    const kept = await here.secretBox.seal(other, at, SECRET);
    await eventually(async () => there.listener?.connected() === true, Boolean, 5000);
    expect(await there.secretBox.open(owner, at, sealed)).toBe(SECRET);

    expect(await here.secretBox.destroyKeysOf(owner)).toBe(1);
    expect(await reasonOf(here.secretBox.open(owner, at, sealed))).toBe('BAD_KEY');
    const outcome = await eventually(
      () => reasonOf(there.secretBox.open(owner, at, sealed)),
      (reason) => reason === 'BAD_KEY',
      5000,
    );
    expect(outcome).toBe('BAD_KEY');
    expect(await there.secretBox.open(other, at, kept)).toBe(SECRET);
    expect(await here.secretBox.destroyKeysOf(owner)).toBe(0);

    const { rows } = await admin.query<{ key_sealed: string | null }>(
      'select key_sealed from registry.data_keys where owner_id = $1',
      [owner.id],
    );
    expect(rows).toEqual([{ key_sealed: null }]);
    const anew = await here.secretBox.seal(owner, at, SECRET);
    expect(await there.secretBox.open(owner, at, anew)).toBe(SECRET);
  });

  it('destroys the keys of a tenant with its row', async () => {
    const owner = tenant();
    await admin.query(
      "insert into registry.tenants (id, slug, name, tenant_id_in_data_source) values ($1, 'gone', 'Gone', $1)",
      [owner.id],
    );
    const at = place();
    const sealed = await tenancy().secretBox.seal(owner, at, SECRET);
    await admin.query('delete from registry.tenants where id = $1', [owner.id]);
    expect(await reasonOf(tenancy().secretBox.open(owner, at, sealed))).toBe('BAD_KEY');
  });

  describe('with AWS KMS', () => {
    it('asks once for all who open at once, and not again while the key is in memory', async () => {
      const [owner, at] = [tenant(), place()];
      const sealed = await withKms().secretBox.seal(owner, at, SECRET);
      const { secretBox } = withKms();
      const before = kms.calls.length;
      await Promise.all(Array.from({ length: 20 }, () => secretBox.open(owner, at, sealed)));
      await secretBox.open(owner, at, sealed);
      expect(kms.calls.slice(before)).toEqual(['Decrypt']);
      expect(secretBox.stats()).toMatchObject({ inMemory: 1, unwraps: 1, failedUnwraps: 0 });
    });

    it.each(['cut', 'silent', 'broken'] as const)(
      'goes on with what is in memory while KMS is %s, and says of the rest that it is out of reach, without asking each time',
      async (mode) => {
        const [warm, cold, at] = [tenant(), tenant(), place()];
        const { secretBox } = withKms({ REGISTRY_DATA_KEY_TTL_SECONDS: '1' });
        const sealedWarm = await secretBox.seal(warm, at, SECRET);
        const sealedCold = await withKms().secretBox.seal(cold, at, SECRET);
        await secretBox.open(warm, at, sealedWarm);
        kms.set(mode);
        await new Promise((resolve) => setTimeout(resolve, 1050)); // past the lifetime in memory
        expect(await secretBox.open(warm, at, sealedWarm)).toBe(SECRET);
        const before = kms.calls.length;
        for (let request = 0; request < 10; request += 1) {
          expect(await reasonOf(secretBox.open(cold, at, sealedCold))).toBe(
            'KEY_PROVIDER_UNREACHABLE',
          );
          expect(await secretBox.open(warm, at, sealedWarm)).toBe(SECRET);
        }
        // At most a probe of the breaker, with the SDK's second attempt.
        expect(kms.calls.length - before).toBeLessThanOrEqual(2);
        kms.set('works');
        expect(
          await eventually(
            () => reasonOf(secretBox.open(cold, at, sealedCold)),
            (outcome) => outcome === 'opened',
            5000,
          ),
        ).toBe('opened');
      },
    );

    it('does not ask again for each request when a data key is refused', async () => {
      const [owner, at] = [tenant(), place()];
      const sealed = await withKms().secretBox.seal(owner, at, SECRET);
      await admin.query(
        "update registry.data_keys set key_sealed = left(key_sealed, -8) || 'AAAAAAAA' where owner_id = $1",
        [owner.id],
      );
      const { secretBox } = withKms();
      const before = kms.calls.length;
      for (let request = 0; request < 10; request += 1) {
        expect(await reasonOf(secretBox.open(owner, at, sealed))).toBe('BAD_KEY');
      }
      expect(kms.calls.length - before).toBe(1);
    });

    it('refuses the data keys of a master key that was struck off the list', async () => {
      const [owner, at] = [tenant(), place()];
      const sealed = await withKms().secretBox.seal(owner, at, SECRET);
      const other = withKms({ REGISTRY_KMS_KEYS: 'arn:two' });
      expect(await reasonOf(other.secretBox.open(owner, at, sealed))).toBe('BAD_KEY');
    });

    it('sends neither what is sealed nor a key of ours to KMS but the data key itself', async () => {
      const text = `canary-${randomBytes(12).toString('hex')}`;
      await withKms().secretBox.seal(tenant(), place(), text);
      const received = kms.received.join('\n');
      for (const secret of [text, Buffer.from(text).toString('base64'), KEYS.slice(3)]) {
        expect(received).not.toContain(secret);
      }
    });
  });
});
