/**
 * A user of each tenant is signed in once, when the database is filled; for each run the product's own
 * code issues fresh tokens for those sessions. Signing a thousand in takes a minute of hashing, and
 * makes a process know every tenant.
 *
 * The one tenant that all are compared with has as many sessions: a process asks every few seconds
 * whether a session still stands, which is the price of users and not of tenants.
 */
import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Client } from 'pg';
import type { ChildServer } from '../child-server';
import { emailOf, slugOf } from '../enrol';
import type { Progress } from '../progress';
import { eachAtOnce } from '../scale/at-once';
import type { FleetOrder } from '../scale/fleet-process';
import type { Claims } from '../scale/fleet-product';
import { claimsOf } from '../scale/fleet-sign-in';
import { signIn } from '../targets';
import type { World } from '../world';

const run = promisify(execFile);
const AT_ONCE = 4;

export async function signInAll(
  world: World,
  home: string,
  start: () => Promise<ChildServer>,
  progress: Progress,
): Promise<readonly Claims[]> {
  const file = join(home, 'claims.json');
  const text = await readFile(file, 'utf8').catch(() => undefined);
  if (text !== undefined) return JSON.parse(text) as readonly Claims[];
  const server = await start();
  try {
    const claims: Claims[] = [];
    progress.begin(world.dataset.tenants.length);
    await eachAtOnce(world.dataset.tenants.keys(), AT_ONCE, async (index) => {
      progress.step('signing in');
      const email = emailOf(slugOf(index));
      claims[index] = claimsOf(await signIn(server.port, email, world.password));
    });
    progress.end();
    await writeFile(file, JSON.stringify(claims), { mode: 0o600 });
    return claims;
  } finally {
    await server.stop();
  }
}

/** Further sessions of the same user, as many as asked for. */
export async function addSessions(
  { adminUrl }: World,
  claims: Claims,
  count: number,
): Promise<readonly Claims[]> {
  const admin = new Client({ connectionString: adminUrl });
  await admin.connect();
  try {
    const { rows } = await admin.query<{ id: string }>(
      `insert into cloister.user_sessions (tenant_id, id, user_id, refresh_family_hash,
         refresh_generation_hash, expires_at, ip, user_agent)
       select tenant_id, gen_random_uuid(), user_id, sha256(gen_random_uuid()::text::bytea),
         sha256(gen_random_uuid()::text::bytea), expires_at, ip, user_agent
       from cloister.user_sessions, generate_series(1, $2) where id = $1 returning id`,
      [claims.sessionId, count],
    );
    const { family: _family, ...same } = claims;
    return rows.map(({ id }) => ({ ...same, sessionId: id }));
  } finally {
    await admin.end();
  }
}

/** @returns access tokens in the order of the claims. */
export async function issueTokens(
  claims: readonly Claims[],
  { root, cloisterEnvironment }: World,
  folder: string,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const claimsFile = join(folder, 'claims.json');
  await writeFile(claimsFile, JSON.stringify(claims), { mode: 0o600 });
  const order: FleetOrder = { root, work: 'tokens', claimsFile };
  const { stdout } = await run(
    process.execPath,
    [join(__dirname, '..', 'scale', 'fleet-process.js')],
    {
      env: { ...process.env, ...cloisterEnvironment, FLEET_ORDER: JSON.stringify(order) },
      maxBuffer: 64 * 1024 * 1024,
      signal,
    },
  );
  return JSON.parse(stdout) as readonly string[];
}
