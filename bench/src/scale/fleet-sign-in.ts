/** Signs a user of each working tenant in, over HTTP, and gives each tenant its records. */
import { jsonRequest, openHttpConnection } from '../http-connection';
import type { Progress } from '../progress';
import { signIn } from '../targets';
import { eachAtOnce } from './at-once';
import { emailOf, slugOf, type MadeTenants } from './fleet-process';
import type { Claims } from './fleet-product';
import type { FleetSize } from './scale-options';

const ACCOUNTS_EACH = 20;
const CONTACTS_EACH = 60;
const SIGNED_IN_AT_ONCE = 4;

/** One that works: it has data, and a user who is signed in. */
export interface WorkingTenant {
  readonly index: number;
  readonly id: string;
  readonly placement: 'shared' | 'dedicated';
  /** Name of its data source. */
  readonly source: string;
  readonly claims: Claims;
  readonly accountIds: readonly string[];
}

interface SignInOrder {
  readonly port: number;
  readonly password: string;
  readonly size: FleetSize;
  readonly made: MadeTenants;
  readonly progress: Progress;
}

/** Each signs in and gets its records through the API. */
export async function signInAll(order: SignInOrder): Promise<readonly WorkingTenant[]> {
  const { port, password, size, made, progress } = order;
  const known = new Map(made.tenants.map((tenant) => [tenant.slug, tenant]));
  const count = size.shared + size.dedicated;
  const working: WorkingTenant[] = [];
  progress.begin(count);
  await eachAtOnce(Array.from({ length: count }).keys(), SIGNED_IN_AT_ONCE, async (index) => {
    progress.step('signing in and filling');
    const token = await signIn(port, emailOf(index), password);
    const { id = '', source = '' } = known.get(slugOf(index)) ?? {};
    working[index] = {
      index,
      id,
      placement: index < size.shared ? 'shared' : 'dedicated',
      source,
      claims: claimsOf(token),
      accountIds: await fill(port, token),
    };
  });
  progress.end();
  return working;
}

export function claimsOf(token: string): Claims {
  const payload = Buffer.from(token.split('.')[1] ?? '', 'base64url').toString();
  const { sub, tid, sid, role, fam } = JSON.parse(payload) as Record<string, string | undefined>;
  return {
    userId: sub ?? '',
    tenantId: tid ?? '',
    sessionId: sid ?? '',
    role: role ?? '',
    ...(fam === undefined ? {} : { family: fam }),
  };
}

async function fill(port: number, token: string): Promise<readonly string[]> {
  const connection = await openHttpConnection(port);
  const send = async <T>(query: string, input: object): Promise<T> => {
    const request = { query, variables: { input } };
    const answer = await connection.send(
      jsonRequest('/graphql', { authorization: `Bearer ${token}` }, request),
    );
    const { data } = JSON.parse(answer.body.toString()) as { data?: T | null };
    if (data) return data;
    throw new Error(`Filling a tenant failed: ${answer.body.toString().slice(0, 500)}`);
  };
  try {
    const { createAccounts } = await send<{ createAccounts: { accounts: { id: string }[] } }>(
      'mutation ($input: CreateAccountsInput!) { createAccounts(input: $input) { accounts { id } userErrors { message } } }',
      {
        accounts: Array.from({ length: ACCOUNTS_EACH }, (_, n) => ({
          name: `Company ${n}`,
          industry: 'software',
        })),
      },
    );
    const ids = createAccounts.accounts.map(({ id }) => id);
    await send(
      'mutation ($input: CreateContactsInput!) { createContacts(input: $input) { contacts { id } userErrors { message } } }',
      {
        contacts: Array.from({ length: CONTACTS_EACH }, (_, n) => ({
          firstName: 'Ada',
          lastName: `Person ${n}`,
          email: `person.${n}@example.test`,
          accountId: ids[n % ids.length],
        })),
      },
    );
    return ids;
  } finally {
    connection.close();
  }
}
