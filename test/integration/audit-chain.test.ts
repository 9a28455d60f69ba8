import { Client } from 'pg';
import type { Knex } from 'knex';
import { uuidv7 } from 'uuidv7';
import { parseConnectionUrl } from '../../src/database/connection-url';
import { createAuditSeal } from '../../src/platform/audit/audit-seal';
import {
  signCheckpoint,
  verifyAudit,
  type AuditVerdict,
} from '../../src/platform/audit/verify-audit';
import { createRegistryDatabase } from '../../src/tenancy/registry-database';
import { cloneDatabase, type TestDatabase } from '../support/databases';
import { testConfig, testRegistryTemplate } from '../support/world';

const SEAL = createAuditSeal('a-secret-of-the-tests-of-at-least-32-bytes');
const PAGE_SIZE = 3;
const DIGEST = 'registry.audit_digest($1, l)';

/** Each test gets a registry of its own: what is tampered with stays so. */
describe('the chain of the audit log', () => {
  let registry: TestDatabase;
  let owner: Client;
  let db: Knex;

  beforeEach(async () => {
    registry = await cloneDatabase(await testRegistryTemplate());
    db = createRegistryDatabase(parseConnectionUrl(registry.appUrl), testConfig(registry));
    owner = new Client({ connectionString: registry.ownerUrl });
    await owner.connect();
    for (let count = 0; count < 8; count += 1) await addTenant();
  });
  afterEach(async () => {
    await owner.end();
    await db.destroy();
    await registry.drop();
  });

  async function addTenant(): Promise<void> {
    const id = uuidv7();
    await db('registry.tenants').insert({
      id,
      slug: `t-${id}`,
      name: 'One',
      tenant_id_in_data_source: id,
    });
  }

  const verify = (options = {}): Promise<AuditVerdict> =>
    verifyAudit(db, SEAL, { pageSize: PAGE_SIZE, ...options });

  /** As the owner of the tables can: with the triggers that would refuse it switched off. */
  async function tamper(...statements: string[]): Promise<void> {
    const tables = ['audit_log', 'audit_chain', 'audit_checkpoints'];
    const switchTriggers = (how: string) =>
      tables.map((table) => `alter table registry.${table} ${how} trigger all`).join(';');
    await owner.query(switchTriggers('disable').replaceAll('trigger all', 'trigger user'));
    for (const statement of statements) await owner.query(statement);
    await owner.query(switchTriggers('enable').replaceAll('trigger all', 'trigger user'));
  }

  /** The best forgery there is: every hash from a place on computed anew, and the head too. */
  async function recompute(): Promise<void> {
    const places = await owner.query<{ position: string; entry_id: string }>(
      'select position, entry_id from registry.audit_chain order by position',
    );
    let previous: Buffer = Buffer.alloc(32);
    await tamper();
    await owner.query('alter table registry.audit_chain disable trigger user');
    for (const { position, entry_id } of places.rows) {
      const { rows } = await owner.query<{ hash: Buffer }>(
        `update registry.audit_chain c set hash = ${DIGEST} from registry.audit_log l
         where l.id = $2 and c.position = $3 returning hash`,
        [previous, entry_id, position],
      );
      previous = rows[0]?.hash ?? previous;
    }
    await owner.query('alter table registry.audit_chain enable trigger user');
    await owner.query('update registry.audit_head set hash = $1', [previous]);
  }

  const placesOf = async (): Promise<{ position: number; entryId: string }[]> =>
    (
      await owner.query<{ position: string; entry_id: string }>(
        'select position, entry_id from registry.audit_chain order by position',
      )
    ).rows.map(({ position, entry_id }) => ({ position: Number(position), entryId: entry_id }));

  it('is intact when nobody touched it, page after page', async () => {
    const places = await placesOf();
    const verdict = await verify();
    expect(verdict).toMatchObject({ intact: true, fault: null, position: places.length });
    expect(places.length).toBeGreaterThan(PAGE_SIZE * 2);
    expect(verdict.hash).toMatch(/^[0-9a-f]{64}$/);
  });

  it.each([
    ["update registry.audit_log set actor = 'nobody' where id = $entry", 'ENTRY_CHANGED'],
    [
      'update registry.audit_log set after = after || \'{"name": "Two"}\' where id = $entry',
      'ENTRY_CHANGED',
    ],
    ["update registry.audit_log set at = at - interval '1 day' where id = $entry", 'ENTRY_CHANGED'],
    ['delete from registry.audit_log where id = $entry', 'ENTRY_MISSING'],
    ['delete from registry.audit_chain where entry_id = $entry', 'PLACE_MISSING'],
  ])('shows the first entry that its owner tampered with: %s', async (statement, kind) => {
    const [, , , fourth, fifth] = await placesOf();
    // A later one too: the first is what is told.
    for (const place of [fifth, fourth]) {
      await tamper(statement.replace('$entry', String(place?.entryId)));
    }
    const { intact, fault, position } = await verify();
    expect({ intact, position, kind: fault?.kind, at: fault?.position }).toEqual({
      intact: false,
      position: 3,
      kind,
      at: 4,
    });
  });

  it('shows entries that changed places', async () => {
    const [, second, third] = await placesOf();
    await tamper(
      `update registry.audit_chain set entry_id = -1 where position = 2`,
      `update registry.audit_chain set entry_id = ${second?.entryId} where position = 3`,
      `update registry.audit_chain set entry_id = ${third?.entryId} where position = 2`,
    );
    expect((await verify()).fault).toMatchObject({ kind: 'ENTRY_CHANGED', position: 2 });
  });

  it('shows that the end was cut off, by what the head remembers', async () => {
    const last = (await placesOf()).at(-1);
    await tamper(
      `delete from registry.audit_log where id = ${last?.entryId}`,
      `delete from registry.audit_chain where entry_id = ${last?.entryId}`,
    );
    expect((await verify()).fault).toMatchObject({ kind: 'END_CUT_OFF', position: last?.position });
  });

  it('shows a head that was set back or taken away', async () => {
    await tamper('update registry.audit_head set position = position - 1');
    expect((await verify()).fault?.kind).toBe('HEAD_CHANGED');
    await tamper('delete from registry.audit_head');
    expect((await verify()).fault?.kind).toBe('HEAD_CHANGED');
  });

  it('shows an entry that was put in past the trigger', async () => {
    await tamper(
      "insert into registry.audit_log (database_role, table_name, operation) values ('x', 'x', 'x')",
    );
    expect((await verify()).fault).toMatchObject({ kind: 'ENTRY_UNCHAINED', position: null });
  });

  describe('with a checkpoint', () => {
    beforeEach(() => signCheckpoint(db, SEAL));

    it('shows a chain that was computed anew from a changed entry', async () => {
      const [first] = await placesOf();
      const checkpoint = (await placesOf()).at(-1)?.position;
      await addTenant();
      await tamper(`update registry.audit_log set actor = 'nobody' where id = ${first?.entryId}`);
      await recompute();
      expect((await verify()).fault).toMatchObject({
        kind: 'CHAIN_REWRITTEN',
        position: checkpoint,
      });
    });

    it('shows that the end was cut off although the head was set back with it', async () => {
      const places = await placesOf();
      const [kept, last] = places.slice(-2);
      await tamper(
        `delete from registry.audit_log where id = ${last?.entryId}`,
        `delete from registry.audit_chain where entry_id = ${last?.entryId}`,
        `update registry.audit_head set position = ${kept?.position}, hash =
           (select hash from registry.audit_chain where position = ${kept?.position})`,
      );
      expect((await verify()).fault).toMatchObject({
        kind: 'END_CUT_OFF',
        position: last?.position,
      });
    });

    it('shows a checkpoint that was forged', async () => {
      await tamper(
        "update registry.audit_checkpoints set signature = decode(repeat('00', 32), 'hex')",
      );
      expect((await verify()).fault?.kind).toBe('CHECKPOINT_FORGED');
    });

    it('says how far it vouches, and is signed once', async () => {
      await signCheckpoint(db, SEAL);
      await addTenant();
      const { checkpointPosition, position, intact } = await verify();
      expect({ intact, behind: position - (checkpointPosition ?? 0) }).toEqual({
        intact: true,
        behind: 1,
      });
    });
  });

  it('without any checkpoint is compared with a place noted elsewhere', async () => {
    const { position, hash } = await verify();
    const expected = { position, hash: Buffer.from(hash, 'hex') };
    const [first] = await placesOf();
    await tamper(`update registry.audit_log set actor = 'nobody' where id = ${first?.entryId}`);
    await recompute();
    expect((await verify()).intact).toBe(true);
    expect((await verify({ expected })).fault?.kind).toBe('CHAIN_REWRITTEN');
  });

  it('gives places in the order of commits, whoever writes at the same time', async () => {
    await Promise.all(Array.from({ length: 20 }, addTenant));
    const places = await placesOf();
    expect(places.map(({ position }) => position)).toEqual(places.map((_, index) => index + 1));
    expect((await verify()).intact).toBe(true);
  });

  it('gives each entry of one transaction its place, in order', async () => {
    const before = (await placesOf()).length;
    await db.transaction((trx) =>
      trx.raw(
        `insert into registry.tenants (id, slug, name, tenant_id_in_data_source)
         select gen_random_uuid(), 'many-' || n, 'Many', gen_random_uuid() from generate_series(1, 500) n`,
      ),
    );
    const ids = (await placesOf()).map(({ entryId }) => Number(entryId));
    expect(ids.slice(before)).toHaveLength(500);
    expect(ids).toEqual([...ids].sort((a, b) => a - b));
    expect((await verify({ pageSize: 100 })).intact).toBe(true);
  });

  it('is not held by whoever changed something and has yet to commit', async () => {
    const slow = await db.transaction();
    try {
      const id = uuidv7();
      await slow('registry.tenants').insert({
        id,
        slug: 'slow',
        name: 'Slow',
        tenant_id_in_data_source: id,
      });
      await addTenant(); // would wait until its statement times out
      expect((await verify()).intact).toBe(true);
    } finally {
      await slow.rollback();
    }
    expect((await verify()).intact).toBe(true);
  });

  it.each([
    'insert into registry.audit_chain (position, entry_id, hash) values (1000, 1000, null)',
    'update registry.audit_chain set position = 1',
    'delete from registry.audit_chain',
    'update registry.audit_head set position = 0',
    'delete from registry.audit_checkpoints',
    "update registry.audit_checkpoints set signature = ''",
  ])('cannot be changed by the run-time role: %s', async (statement) => {
    await expect(db.raw(statement)).rejects.toThrow(/permission denied/);
  });
});
