import type { Knex } from 'knex';

/**
 * The business tables of a tenant data source, whatever its placement.
 *
 * Every table: keys, unique constraints and foreign keys are composite on tenant_id, so that a
 * reference cannot leave its tenant and the tables can be distributed by it; row security is
 * forced, with one policy. Enumerations are text with CHECK and derived columns are stored,
 * because enum equality and expressions are not LEAKPROOF and could use no index beneath a policy.
 * Constraint names follow Postgres' own pattern (`<table>_<column>_fkey`, `…_check`): the store
 * finds the field of an error by them.
 */
const ADDRESS_PARTS = [
  ['street', 'street'],
  ['city', 'city'],
  ['region', 'region'],
  ['postal_code', 'postalCode'],
  ['country_code', 'countryCode'],
] as const;

/** An address is written as JSON; its columns are generated from it and so never out of step. */
const address = (name: string): string =>
  [
    `${name}_address jsonb check (jsonb_typeof(${name}_address) = 'object')`,
    ...ADDRESS_PARTS.map(
      ([column, key]) =>
        `${name}_${column} text generated always as (${name}_address ->> '${key}') stored`,
    ),
  ].join(',\n');

const money = (name: string): string => `
  ${name} numeric(20, 4),
  ${name}_currency text check (${name}_currency ~ '^[A-Z]{3}$'),
  check ((${name} is null) = (${name}_currency is null))`;

const oneOf = (name: string, values: readonly string[]): string =>
  `check (${name} in (${values.map((value) => `'${value}'`).join(', ')}))`;

/** Indexed references: [column, referenced table, clause]. */
type Reference = readonly [column: string, table: string, onDelete?: 'cascade'];

interface Table {
  readonly name: string;
  readonly columns: string;
  readonly references?: readonly Reference[];
  /** Column lists of further indexes over live rows, after tenant_id and before id. */
  readonly indexes?: readonly string[];
}

const create = ({ name, columns, references = [], indexes = [] }: Table): string => `
  create table cloister.${name} (
    tenant_id uuid not null,
    id uuid not null,
    ${columns.trim()},
    external_id text,
    version integer not null default 1,
    created_at timestamptz(3) not null default now(),
    updated_at timestamptz(3) not null default now(),
    created_by uuid,
    updated_by uuid,
    deleted_at timestamptz(3),
    primary key (tenant_id, id)
    ${references
      .map(
        ([column, table, onDelete]) => `,
    constraint ${name}_${column}_fkey foreign key (tenant_id, ${column})
      references cloister.${table} (tenant_id, id)${onDelete === undefined ? '' : ` on delete ${onDelete}`}`,
      )
      .join('')}
  );
  create unique index ${name}_external_id_key on cloister.${name} (tenant_id, external_id)
    where deleted_at is null and external_id is not null;
  create index ${name}_created_at_idx on cloister.${name} (tenant_id, created_at, id) where deleted_at is null;
  ${[...references.map(([column]) => column), ...indexes]
    .map(
      (column) =>
        `create index ${name}_${column.replaceAll(', ', '_')}_idx on cloister.${name} (tenant_id, ${column}, id) where deleted_at is null;`,
    )
    .join('\n  ')}
  alter table cloister.${name} enable row level security;
  alter table cloister.${name} force row level security;
  create policy tenant_isolation on cloister.${name}
    using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid)
    with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
`;

const TABLES: readonly Table[] = [
  {
    name: 'users',
    columns: `
      name text not null,
      email text,
      -- Normalised copy: what log-in looks up and what is unique.
      email_key text,
      password_hash text,
      role text not null default 'member' ${oneOf('role', ['admin', 'member', 'reader'])},
      status text not null default 'active' ${oneOf('status', ['active', 'disabled', 'invited'])},
      title text,
      phone text,
      regional_office text,
      manager_id uuid,
      last_login_at timestamptz(3)`,
    references: [['manager_id', 'users']],
    indexes: ['name'],
  },
  {
    name: 'accounts',
    columns: `
      name text not null,
      account_type text ${oneOf('account_type', ['prospect', 'customer', 'partner', 'vendor', 'competitor', 'other'])},
      industry text,
      website text,
      email text,
      phone text,
      description text,
      ${money('annual_revenue')},
      employee_count integer check (employee_count >= 0),
      founded_year integer check (founded_year between 1000 and 9999),
      ${address('billing')},
      ${address('shipping')},
      parent_id uuid,
      owner_id uuid,
      constraint accounts_parent_id_check check (parent_id <> id)`,
    references: [
      ['parent_id', 'accounts'],
      ['owner_id', 'users'],
    ],
    indexes: ['name', 'industry', 'billing_city'],
  },
  {
    name: 'contacts',
    columns: `
      first_name text,
      last_name text not null,
      full_name text not null generated always as (btrim(coalesce(first_name, '') || ' ' || last_name)) stored,
      email text,
      phone text,
      mobile_phone text,
      title text,
      department text,
      birth_date date,
      description text,
      do_not_contact boolean not null default false,
      ${address('mailing')},
      account_id uuid,
      reports_to_id uuid,
      owner_id uuid,
      constraint contacts_reports_to_id_check check (reports_to_id <> id)`,
    references: [
      ['account_id', 'accounts'],
      ['reports_to_id', 'contacts'],
      ['owner_id', 'users'],
    ],
    indexes: ['full_name', 'last_name', 'email'],
  },
  {
    name: 'account_contacts',
    columns: `
      account_id uuid not null,
      contact_id uuid not null,
      role text,
      is_primary boolean not null default false,
      started_on date,
      ended_on date,
      constraint account_contacts_ended_on_check check (ended_on >= started_on)`,
    references: [
      ['account_id', 'accounts', 'cascade'],
      ['contact_id', 'contacts', 'cascade'],
    ],
  },
  {
    name: 'products',
    columns: `
      name text not null,
      sku text,
      family text,
      description text,
      ${money('list_price')},
      is_active boolean not null default true`,
    indexes: ['name', 'family'],
  },
  {
    name: 'opportunities',
    columns: `
      name text not null,
      stage text not null default 'prospecting' ${oneOf('stage', ['prospecting', 'engaging', 'qualification', 'proposal', 'negotiation', 'won', 'lost'])},
      is_closed boolean not null generated always as (stage in ('won', 'lost')) stored,
      is_won boolean not null generated always as (stage = 'won') stored,
      ${money('amount')},
      probability integer check (probability between 0 and 100),
      opportunity_type text ${oneOf('opportunity_type', ['new_business', 'existing_business', 'renewal'])},
      lead_source text,
      next_step text,
      description text,
      engage_date date,
      close_date date,
      account_id uuid,
      primary_contact_id uuid,
      owner_id uuid`,
    references: [
      ['account_id', 'accounts'],
      ['primary_contact_id', 'contacts'],
      ['owner_id', 'users'],
    ],
    indexes: ['name', 'close_date', 'stage, close_date', 'amount'],
  },
  {
    name: 'opportunity_line_items',
    columns: `
      opportunity_id uuid not null,
      product_id uuid,
      description text,
      quantity numeric(20, 4) not null default 1 check (quantity > 0),
      ${money('unit_price')},
      discount_percent numeric(7, 4) check (discount_percent between 0 and 100),
      total_price numeric(24, 4) generated always as
        (round(quantity * unit_price * (1 - coalesce(discount_percent, 0) / 100), 4)) stored,
      total_price_currency text generated always as (unit_price_currency) stored,
      position integer not null default 0`,
    references: [
      ['opportunity_id', 'opportunities', 'cascade'],
      ['product_id', 'products'],
    ],
  },
  {
    name: 'locations',
    columns: `
      name text not null,
      description text,
      ${address('postal')},
      time_zone text,
      capacity integer check (capacity >= 0),
      phone text,
      website text`,
    indexes: ['name'],
  },
  {
    name: 'events',
    columns: `
      name text not null,
      event_type text ${oneOf('event_type', ['meeting', 'call', 'demo', 'conference', 'trade_show', 'webinar', 'training', 'party', 'other'])},
      status text not null default 'planned' ${oneOf('status', ['planned', 'confirmed', 'completed', 'cancelled'])},
      starts_at timestamptz(3),
      ends_at timestamptz(3),
      description text,
      expected_attendees integer check (expected_attendees >= 0),
      ${money('budget')},
      account_id uuid,
      opportunity_id uuid,
      primary_contact_id uuid,
      owner_id uuid,
      constraint events_ends_at_check check (ends_at >= starts_at)`,
    references: [
      ['account_id', 'accounts'],
      ['opportunity_id', 'opportunities'],
      ['primary_contact_id', 'contacts'],
      ['owner_id', 'users'],
    ],
    indexes: ['name', 'starts_at', 'account_id, starts_at'],
  },
  {
    name: 'event_dates',
    columns: `
      title text,
      starts_at timestamptz(3) not null,
      ends_at timestamptz(3),
      notes text,
      event_id uuid,
      location_id uuid,
      constraint event_dates_ends_at_check check (ends_at >= starts_at)`,
    references: [
      ['event_id', 'events', 'cascade'],
      ['location_id', 'locations'],
    ],
    indexes: ['starts_at', 'event_id, starts_at'],
  },
];

export async function up(knex: Knex): Promise<void> {
  await knex.raw('create schema if not exists cloister');
  // The tenants that live here. A session's first look: an id not found is a wrong assignment.
  await knex.raw(`
    create table cloister.tenants (
      tenant_id uuid primary key,
      slug text not null,
      name text not null,
      created_at timestamptz(3) not null default now()
    );
    alter table cloister.tenants enable row level security;
    alter table cloister.tenants force row level security;
    create policy tenant_isolation on cloister.tenants
      using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid)
      with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
  `);
  for (const table of TABLES) await knex.raw(create(table));
  await knex.raw(`
    create unique index users_email_key on cloister.users (tenant_id, email_key)
      where deleted_at is null and email_key is not null;
    create unique index products_sku_key on cloister.products (tenant_id, sku)
      where deleted_at is null and sku is not null;
    create unique index account_contacts_account_id_contact_id_role_key
      on cloister.account_contacts (tenant_id, account_id, contact_id, coalesce(role, ''))
      where deleted_at is null;
  `);
}

/** The schema stays: Knex keeps its record of migrations there and has yet to strike this one out. */
export async function down(knex: Knex): Promise<void> {
  const names = ['tenants', ...TABLES.map(({ name }) => name)];
  await knex.raw(`drop table ${names.map((name) => `cloister.${name}`).join(', ')}`);
}
