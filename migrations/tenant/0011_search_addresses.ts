import type { Knex } from 'knex';

/**
 * The search over several tables at once. `cloister.search` (0008_search) looks at one table, and so it
 * guesses among accounts at an address that stands among contacts, and goes on to what is like a word
 * where another table has filled the answer. This one goes tier by tier through all of them.
 *
 * What 0008_search says of policies, settings and isolation holds here too. That function stays for
 * servers of the release before.
 */
const INDEXED = { like: 3, near: 2 } as const;

/**
 * A comparison by likeness costs much more than the operators that the planner has in mind (0.0025): with
 * that it compares all the records of a small data source. With 0.1 it does so to those of a small tenant
 * of a large one. Figures: docs/search.md.
 */
const COST_OF_LIKENESS = '0.025';

/**
 * A tier is looked at in every table before the next one is begun, so that each may give as many as
 * are missing: whoever asks puts them in order and takes what is wanted.
 */
const SEARCH_TABLES = `
  create function cloister.search_tables(table_names text[], phrases text[], take integer)
    returns table (table_name text, id uuid, rank real, place integer)
    language plpgsql security definer rows 20 set jit = off
    set search_path = pg_catalog, cloister, pg_temp as $$
    declare
      tenant uuid := nullif(current_setting('app.tenant_id', true), '')::uuid;
      most integer := least(take, 100);
      words text[] := array(
        select w from unnest(phrases[1:8]) with ordinality p (phrase, n),
          cloister.search_words(left(phrase, 200)) w where w <> '' group by w order by min(n));
      everything text := array_to_string(words, ' ');
      is_address boolean := array_to_string(phrases[1:8], ' ') ~ '@|^[0-9]+$';
      searchable text[] := array(
        select distinct n from unnest(table_names) n
        where exists (select from pg_policy where polname = 'search' and polrelid = to_regclass(format('cloister.%I', coalesce(n, ''))))
        order by n);
      usual_cost text := current_setting('cpu_operator_cost');
      wanted text[];
      found_in text[] := '{}';
      found_ids uuid[] := '{}';
      missing integer;
      hit record;
    begin
      if tenant is null or most is null or cardinality(words) = 0 or cardinality(searchable) = 0 then
        return;
      end if;
      for tier in 1 .. 4 loop
        wanted := array(select case tier when 1 then '% ' || w || ' %' when 2 then '% ' || w || '%' else w end
                        from unnest(words) with ordinality x (w, n) order by length(w) desc, n);
        for n in 1 .. ${INDEXED.like} loop
          perform set_config('app.search_like_' || n, case when tier < 3 then coalesce(wanted[n], wanted[1]) else '' end, true);
        end loop;
        for n in 1 .. ${INDEXED.near} loop
          perform set_config('app.search_near_' || n, case when tier < 3 then '' else coalesce(wanted[n], wanted[1]) end, true);
        end loop;
        perform set_config('pg_trgm.word_similarity_threshold', case tier when 4 then '0.4' else '0.5' end, true);
        perform set_config('cpu_operator_cost', case when tier < 3 then usual_cost else '${COST_OF_LIKENESS}' end, true);
        missing := most - cardinality(found_ids);
        foreach table_name in array searchable loop
          for hit in
            execute format($statement$
              select best.id, best.likeness, shown.place
              from (
                select candidate.id, candidate.parts, alike.likeness
                from (select t.id, string_to_array(t.search_text, '|') as parts from cloister.%I t
                      where t.tenant_id = $1 and t.deleted_at is null and t.id <> all ($2)
                        and case when $3 then t.search_text like all ($4)
                            else not exists (select from unnest($4) w where not t.search_text %%> w) end
                      limit 1000) candidate
                cross join lateral (
                  select max(case n when 1 then 1.0 else 0.8 end
                    * case when $3 then similarity(part, $5) else word_similarity($5, part) end)::real as likeness
                  from unnest(candidate.parts) with ordinality p (part, n)) alike
                order by alike.likeness desc, candidate.id limit $6) best
              cross join lateral (
                select n::integer as place from unnest(best.parts) with ordinality p (part, n)
                order by strpos(part, $5) > 0 desc, case n when 1 then 1.0 else 0.8 end * word_similarity($5, part) desc, n
                limit 1) shown
              order by best.likeness desc, best.id $statement$, table_name)
            using tenant, array(select f.i from unnest(found_in, found_ids) f (n, i) where f.n = table_name),
              tier < 3, wanted, everything, missing
          loop
            id := hit.id;
            rank := (3 - least(tier, 3) + hit.likeness) / 3;
            place := hit.place;
            found_in := found_in || table_name;
            found_ids := found_ids || hit.id;
            return next;
          end loop;
        end loop;
        exit when cardinality(found_ids) >= most or (tier = 2
          and (cardinality(words) > 4 or (is_address and cardinality(found_ids) > 0)));
      end loop;
      for n in 1 .. ${INDEXED.like} loop perform set_config('app.search_like_' || n, '', true); end loop;
      for n in 1 .. ${INDEXED.near} loop perform set_config('app.search_near_' || n, '', true); end loop;
      perform set_config('cpu_operator_cost', usual_cost, true);
    end
    $$`;

/** As for `cloister.search`: the tables' owner has it, whoever migrates, and who reads them may call it. */
const SETTLE_SEARCH_TABLES = `
  revoke execute on function cloister.search_tables(text[], text[], integer) from public;
  do $$
    declare
      reader name;
      owner name := (select pg_get_userbyid(relowner) from pg_class where oid = 'cloister.contacts'::regclass);
    begin
      execute format('alter function cloister.search_tables(text[], text[], integer) owner to %I', owner);
      execute format('alter function cloister.search_tables(text[], text[], integer) set search_path = pg_catalog, cloister, %s, pg_temp',
        (select extnamespace::regnamespace from pg_extension where extname = 'pg_trgm'));
      for reader in
        select distinct pg_get_userbyid(grantee) from pg_class, aclexplode(relacl)
        where oid = 'cloister.contacts'::regclass and privilege_type = 'SELECT' and grantee <> 0
      loop
        execute format('grant execute on function cloister.search_tables(text[], text[], integer) to %I', reader);
      end loop;
    end
  $$`;

/** As in 0010_distribution, for each function that searches. */
const PASS_SETTINGS_ON = `
  create or replace function cloister.pass_settings_on() returns void
    language plpgsql set search_path = pg_catalog as $outer$
    declare
      definition text;
    begin
      create or replace function cloister.set_for_transaction(name text, value text, is_local boolean) returns void
        language plpgsql set search_path = pg_catalog as $$
        begin
          execute format('set local %s = %L', name, value);
        end
        $$;
      for definition in
        select pg_get_functiondef(oid) from pg_proc
        where pronamespace = 'cloister'::regnamespace and proname in ('search', 'search_tables')
      loop
        execute replace(definition, 'perform set_config(', 'perform cloister.set_for_transaction(');
      end loop;
    end
    $outer$;
  do $$ begin
    if cloister.is_distributed('cloister.tenants') then perform cloister.pass_settings_on(); end if;
  end $$`;

export async function up(knex: Knex): Promise<void> {
  await knex.raw(SEARCH_TABLES);
  await knex.raw(SETTLE_SEARCH_TABLES);
  await knex.raw(PASS_SETTINGS_ON);
}

/** What passes settings on goes by the functions that are there, so it may stay. */
export async function down(knex: Knex): Promise<void> {
  await knex.raw('drop function cloister.search_tables(text[], text[], integer)');
}
