/** What a mover brings over after the copy: whatever happens to the source's rows, the target equals it. */
import { Client } from 'pg';
import { uuidv7 } from 'uuidv7';
import type { Mover } from '../../src/tenancy/move/mover';
import type { MoveRow } from '../../src/tenancy/move/moves.store';
import { openPlace } from '../../src/tenancy/move/place';
import { copy, follow, prepare, verify, type Transfer } from '../../src/tenancy/move/transfer';
import type { TenantRow } from '../../src/tenancy/registry.store';
import { createMoveWorld, type MoveWorld } from '../support/move-world';

const MOVE = { id: 'none', changesApplied: 0, rowsTotal: 0, rowsCopied: 0 } as unknown as MoveRow;
const TARGET_ID = '0190a1b2-c3d4-7000-8000-00000000abcd';

let moving: MoveWorld;
let transfer: Transfer;
let writer: Client;
let tenant: string;
beforeEach(async () => {
  moving = await createMoveWorld();
  await moving.addSource('spare', 'dedicated');
  const { directory, registry } = moving.world.application.tenancy;
  const placeOf = async (name: string, localTenantId: string) => {
    const row = await registry.findDataSourceByName(name);
    return openPlace(
      await directory.getDataSource({ dataSourceId: row?.id } as TenantRow),
      localTenantId,
    );
  };
  tenant = moving.world.tenants.alpha.localTenantId;
  transfer = {
    mover: { moves: { update: () => Promise.resolve() } } as unknown as Mover,
    source: await placeOf('shared', tenant),
    target: await placeOf('spare', TARGET_ID),
    tally: { changes: 0 },
    onProgress: () => undefined,
  };
  writer = await connect();
});
afterEach(async () => {
  await writer.end();
  await transfer.source.close();
  await transfer.target.close();
  await moving.close();
});

async function connect(): Promise<Client> {
  const client = new Client({ connectionString: moving.world.tenants.alpha.database.appUrl });
  await client.connect();
  await client.query("select set_config('app.tenant_id', $1, false)", [tenant]);
  return client;
}
const write = (text: string, ...values: unknown[]): Promise<unknown> =>
  writer.query(text, [tenant, ...values]);
const account = async (name: string, columns: Record<string, unknown> = {}): Promise<string> => {
  const id = uuidv7();
  const names = Object.keys(columns);
  await write(
    `insert into cloister.accounts (tenant_id, id, name${names.map((column) => `, ${column}`).join('')})
     values ($1, $2, $3${names.map((_, index) => `, $${index + 4}`).join('')})`,
    id,
    name,
    ...Object.values(columns),
  );
  return id;
};

/** `verify` compares every table of both places, and throws where they differ. */
async function expectEqualAfter(change: () => Promise<unknown>): Promise<void> {
  await prepare(transfer);
  const copied = await copy(transfer, MOVE);
  await change();
  const caughtUp = await follow(transfer, MOVE, copied);
  await expect(verify(transfer, MOVE, caughtUp)).resolves.toMatch(/^\d+:/);
}

it('brings over keys that pass from one record to another', async () => {
  const first = await account('First', { external_id: 'key' });
  const second = await account('Second', { external_id: 'other' });
  await expectEqualAfter(async () => {
    await write(
      'update cloister.accounts set external_id = null where tenant_id = $1 and id = $2',
      first,
    );
    await write(
      "update cloister.accounts set external_id = 'key' where tenant_id = $1 and id = $2",
      second,
    );
    await write(
      "update cloister.accounts set external_id = 'other' where tenant_id = $1 and id = $2",
      first,
    );
    await account('Third', { external_id: 'third' });
  });
});

it('brings over rows that have left a parent which is then removed with its children', async () => {
  const event = uuidv7();
  const other = uuidv7();
  const [stays, goes] = [uuidv7(), uuidv7()];
  for (const id of [event, other]) {
    await write("insert into cloister.events (tenant_id, id, name) values ($1, $2, 'Fair')", id);
  }
  for (const id of [stays, goes]) {
    await write(
      'insert into cloister.event_dates (tenant_id, id, event_id, starts_at) values ($1, $2, $3, now())',
      id,
      event,
    );
  }
  await expectEqualAfter(async () => {
    await write(
      'update cloister.event_dates set event_id = $3 where tenant_id = $1 and id = $2',
      stays,
      other,
    );
    await write('delete from cloister.events where tenant_id = $1 and id = $2', event);
    // Made and gone in between: there is nothing to bring over.
    const passing = await account('Passing');
    await write('delete from cloister.accounts where tenant_id = $1 and id = $2', passing);
  });
});

it('brings over rows that refer to each other', async () => {
  const old = await account('Old');
  await expectEqualAfter(async () => {
    const young = await account('Young', { parent_id: old });
    await write(
      'update cloister.accounts set parent_id = $3 where tenant_id = $1 and id = $2',
      old,
      young,
    );
  });
});

it('brings over what the log does not hold: secrets, sessions, and tables without a log', async () => {
  const user = moving.world.tenants.alpha.users.reader;
  const run = uuidv7();
  await expectEqualAfter(async () => {
    await write(
      "update cloister.users set password_hash = 'another' where tenant_id = $1 and id = $2",
      user,
    );
    await write(
      `insert into cloister.user_sessions (tenant_id, id, user_id, refresh_family_hash, refresh_generation_hash,
         expires_at, ip, user_agent)
       values ($1, $2, $3, sha256('a'), sha256('b'), now(), '127.0.0.1', 'test')`,
      uuidv7(),
      user,
    );
    await write(
      "insert into cloister.import_runs (tenant_id, id, fingerprint, progress) values ($1, $2, 'x', '[]')",
      run,
    );
    await write(
      "insert into cloister.import_deferred_rows (tenant_id, run_id, row_number, line, cells, keys) values ($1, $2, 1, 1, '[]', '{}')",
      run,
    );
  });
});

it('brings over what was begun before the copy and committed after it', async () => {
  const slow = await connect();
  try {
    await slow.query('begin');
    await slow.query(
      "insert into cloister.accounts (tenant_id, id, name) values ($1, $2, 'Slow')",
      [tenant, uuidv7()],
    );
    await expectEqualAfter(() => slow.query('commit'));
  } finally {
    await slow.end();
  }
});

it('finds a row that differs, a row too many and a row too few', async () => {
  const id = await account('Same');
  await prepare(transfer);
  const copied = await copy(transfer, MOVE);
  const there = (text: string) =>
    transfer.target.write((tx) => tx.query({ text, values: [tx.localTenantId, id] }));
  await there("update cloister.accounts set name = 'Other' where tenant_id = $1 and id = $2");
  await expect(verify(transfer, MOVE, copied)).rejects.toThrow(
    /accounts \(1 rows here, 1 there, other content\)/,
  );
  await there('delete from cloister.accounts where tenant_id = $1 and id = $2');
  await expect(verify(transfer, MOVE, copied)).rejects.toThrow(/accounts \(1 rows here, 0 there\)/);
  await there(
    `insert into cloister.accounts (tenant_id, id, name) values ($1, $2, 'Same'), ($1, gen_random_uuid(), 'x')`,
  );
  await expect(verify(transfer, MOVE, copied)).rejects.toThrow(/accounts \(1 rows here, 2 there\)/);
});
