/**
 * The data all servers work on, in cloister's own tables: made by SQL, the same at every run, spread
 * evenly over the tenants. The newest accounts have the children (six of each kind), so that the
 * nested page is full.
 */
import type { Client } from 'pg';

export interface DataSize {
  readonly tenants: number;
  /** Rows over all tenants. */
  readonly accounts: number;
  readonly contacts: number;
  readonly opportunities: number;
  readonly events: number;
}

/** Contacts that the bench makes have this family name, by which they are removed again. */
export const CREATED_LAST_NAME = 'Benchmarked';

export interface Dataset {
  readonly tenants: readonly string[];
  readonly accountsPerTenant: number;
  /** @param number from 0, the oldest first. */
  accountId(tenantIndex: number, number: number): string;
  readonly industries: readonly string[];
  readonly searchTerms: readonly string[];
}

const INDUSTRIES = [
  'aerospace',
  'banking',
  'chemistry',
  'energy',
  'fashion',
  'health',
  'logistics',
  'media',
  'retail',
  'software',
];
const FIRST_WORDS = [
  'Amber',
  'Birch',
  'Cobalt',
  'Dawn',
  'Ember',
  'Falcon',
  'Granite',
  'Harbour',
  'Indigo',
  'Juniper',
];
const SECOND_WORDS = [
  'Analytics',
  'Bakery',
  'Castings',
  'Dynamics',
  'Estates',
  'Foundry',
  'Gardens',
  'Holdings',
  'Imports',
  'Joinery',
  'Kitchens',
];
/** As people type: whole words, beginnings, an e-mail address, a telephone number, typing errors. */
const SEARCH_TERMS = [
  'Cobalt Bakery',
  'amb gard',
  'Harbuor Kitchens',
  'person.12',
  'Falcon Holdings 1',
  'dynamcs granit',
  'Person 57',
  '431100012',
  'juniper 19',
  'imports indigo',
];

const CHILDREN_PER_ACCOUNT = 6;

/** Sorts by number, as a UUIDv7 sorts by time, and is a UUID of version 7. */
const idSql = (number: string, kind: number): string =>
  `(lpad(to_hex(${number}), 8, '0') || '-000${kind}-7000-8000-' || lpad(to_hex($2::int), 12, '0'))::uuid`;

const id = (number: number, kind: number, tenantIndex: number): string =>
  `${hex(number, 8)}-000${kind}-7000-8000-${hex(tenantIndex, 12)}`;
const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, '0');

const pick = (words: readonly string[], number: string): string =>
  `(array[${words.map((word) => `'${word}'`).join(', ')}])[1 + (${number}) % ${words.length}]`;

const rowsEach = (tenants: readonly string[], rows: number): number =>
  Math.max(1, Math.floor(rows / tenants.length));

/** Of tables that are filled, or were filled by a run before. */
export const describeDataset = (tenants: readonly string[], size: DataSize): Dataset => ({
  tenants,
  accountsPerTenant: rowsEach(tenants, size.accounts),
  accountId: (tenantIndex, number) => id(number, 1, tenantIndex),
  industries: INDUSTRIES,
  searchTerms: SEARCH_TERMS,
});

/** @param admin a superuser in the tenants' data source. @param tenants their ids there. */
export async function fillDataset(
  admin: Client,
  tenants: readonly string[],
  size: DataSize,
): Promise<Dataset> {
  const perTenant = (rows: number): number => rowsEach(tenants, rows);
  const accounts = perTenant(size.accounts);
  /** The account of the i-th of so many children. */
  const account = (children: number): string => {
    const parents = Math.min(accounts, Math.max(1, Math.ceil(children / CHILDREN_PER_ACCOUNT)));
    return idSql(`${accounts} - 1 - (i % ${parents})`, 1);
  };
  const created = "timestamptz '2026-01-01' + i * interval '1 minute'";
  const contacts = perTenant(size.contacts);
  const opportunities = perTenant(size.opportunities);
  const events = perTenant(size.events);

  const insert = async (
    table: string,
    columns: string,
    rows: number,
    values: string,
    tenantIndex: number,
  ) => {
    await admin.query(
      `insert into cloister.${table} (tenant_id, id, created_at, updated_at, ${columns})
       select $1::uuid, ${values.replace('@created', `${created}, ${created}`)}
       from generate_series(0, ${rows} - 1) as i where $2::int is not null`,
      [tenants[tenantIndex], tenantIndex],
    );
  };
  // Neither the change log nor the checks of references: these rows are nobody's writing, and they fit.
  await admin.query('set session_replication_role = replica');
  for (const tenantIndex of tenants.keys()) {
    await insert(
      'accounts',
      'name, industry, website, phone, email, employee_count, founded_year, annual_revenue, annual_revenue_currency, billing_address, description',
      accounts,
      `${idSql('i', 1)}, @created,
       ${pick(FIRST_WORDS, 'i')} || ' ' || ${pick(SECOND_WORDS, 'i / 7')} || ' ' || i,
       ${pick(INDUSTRIES, 'i * 7 / 3')}, 'https://company-' || i || '.example.test/', '+431' || (1000000 + i),
       'office@company-' || i || '.example.test', (i * 37) % 5000, 1900 + i % 120, i * 1000.5, 'EUR',
       jsonb_build_object('city', 'City ' || i % 50, 'countryCode', 'AT'), 'Company number ' || i`,
      tenantIndex,
    );
    await insert(
      'contacts',
      'first_name, last_name, email, phone, title, department, account_id',
      contacts,
      `${idSql('i', 2)}, @created, ${pick(FIRST_WORDS, 'i')}, 'Person ' || i, 'person.' || i || '@example.test',
       '+431' || (2000000 + i), ${pick(['Buyer', 'Engineer', 'Director'], 'i')}, 'Department ' || i % 9, ${account(contacts)}`,
      tenantIndex,
    );
    await insert(
      'opportunities',
      'name, stage, amount, amount_currency, probability, close_date, account_id, primary_contact_id',
      opportunities,
      `${idSql('i', 3)}, @created, 'Deal number ' || i, ${pick(['prospecting', 'engaging', 'proposal', 'won', 'lost'], 'i')},
       1000 + i * 2.5, 'EUR', i % 101, date '2026-01-01' + i % 700, ${account(opportunities)}, ${idSql(`i % ${contacts}`, 2)}`,
      tenantIndex,
    );
    await insert(
      'events',
      'name, event_type, status, starts_at, ends_at, account_id',
      events,
      `${idSql('i', 4)}, @created, 'Meeting number ' || i, ${pick(['meeting', 'call', 'demo'], 'i')},
       ${pick(['planned', 'confirmed', 'completed'], 'i')}, timestamptz '2026-06-01 09:00Z' + i * interval '1 hour',
       timestamptz '2026-06-01 10:00Z' + i * interval '1 hour', ${account(events)}`,
      tenantIndex,
    );
  }
  // For the peers, which do not make ids of their own; cloister gives one and is not affected.
  await admin.query('alter table cloister.contacts alter id set default uuidv7()');
  await admin.query('reset session_replication_role');
  await admin.query('vacuum analyze');
  return describeDataset(tenants, size);
}

/** Takes away what the last measurement made, so that each begins with the same tables. */
export async function removeCreated(admin: Client): Promise<void> {
  await admin.query('delete from cloister.contacts where last_name = $1', [CREATED_LAST_NAME]);
  await admin.query('vacuum cloister.contacts');
}
