import type { Knex } from 'knex';

/**
 * How far imports have come, so that one that was interrupted goes on where it stopped. In the
 * tenant's own data source, because progress is written in the transaction of the records it counts;
 * and because waiting rows are the tenant's data.
 */
const guard = (table: string): string => `
  alter table cloister.${table} enable row level security;
  alter table cloister.${table} force row level security;
  create policy tenant_isolation on cloister.${table}
    using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid)
    with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
`;

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create table cloister.import_runs (
      tenant_id uuid not null,
      id uuid not null,
      -- SHA-256 of the files' content and of the mapping: the same input is the same run.
      fingerprint text not null,
      revision integer not null default 0,
      file_index integer not null default 0,
      phase text not null default 'rows' check (phase in ('rows', 'deferred')),
      row_number bigint not null default 0,
      -- Counts by file, shown when the run is taken up again.
      progress jsonb not null,
      started_at timestamptz(3) not null default now(),
      updated_at timestamptz(3) not null default now(),
      finished_at timestamptz(3),
      primary key (tenant_id, id)
    );
    create unique index import_runs_fingerprint_key on cloister.import_runs (tenant_id, fingerprint);
    ${guard('import_runs')}
  `);
  // Rows that refer to rows further down their own file; gone when the file is done.
  await knex.raw(`
    create table cloister.import_deferred_rows (
      tenant_id uuid not null,
      run_id uuid not null,
      row_number bigint not null,
      line bigint not null,
      cells jsonb not null,
      keys text[] not null,
      primary key (tenant_id, run_id, row_number),
      constraint import_deferred_rows_run_id_fkey foreign key (tenant_id, run_id)
        references cloister.import_runs (tenant_id, id) on delete cascade
    );
    ${guard('import_deferred_rows')}
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw('drop table cloister.import_deferred_rows');
  await knex.raw('drop table cloister.import_runs');
}
