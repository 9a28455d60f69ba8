import type { Knex } from 'knex';

/**
 * Search over the words of a table: prefixes, accents and typing errors tolerated, by an index, under
 * row-level security. Why it is made like this, and what it costs: docs/decisions/0009-search.md.
 *
 * Operators that look for parts of words are not LEAKPROOF, so a statement cannot use their index
 * beneath a policy; a condition that stands in a restrictive policy can, for those come first. Hence:
 *
 * - `search_text` holds a record's words, normalised, field by field: ' anna lindqvist | anna x test |'.
 * - The policy `search` asks for what a search has set. It is restrictive, so it can only hide, and it
 *   is the owner's alone: nobody else meets it, and without a search the owner sees nothing.
 * - The function `search` runs as the owner, to meet that policy. `tenant_isolation` binds the owner
 *   too (FORCE), so that the function sees what whoever calls it may see: it decides nothing of
 *   isolation.
 */
const CREATE_EXTENSIONS = `
  do $$
    declare extension text;
    begin
      foreach extension in array array['pg_trgm', 'btree_gin'] loop
        if not exists (select from pg_extension where extname = extension) then
          execute format('create extension %I with schema cloister', extension);
        end if;
      end loop;
    exception when insufficient_privilege or undefined_file or feature_not_supported then
      raise exception 'search needs the extensions pg_trgm and btree_gin, which this role could not create: %', sqlerrm
        using hint = 'As a superuser, in this database: create extension pg_trgm; create extension btree_gin;';
    end
  $$`;

/**
 * Everything becomes words of a–z and 0–9, so that what is found does not depend on the locale of a
 * server (pg_trgm takes other letters for gaps where that is C). Latin letters lose their accents;
 * of the other scripts each letter is written by its number.
 */
const SEARCH_WORDS = `
  create function cloister.search_words(value text) returns text
    language plpgsql immutable parallel safe set search_path = pg_catalog as $$
    begin
      value := lower(value);
      if value ~ '[^\\x01-\\x7f]' then
        value := regexp_replace(lower(normalize(value, NFKD)), '[\\u0300-\\u036f]', '', 'g');
        value := translate(value, 'øđðłħŧıŋ', 'oddlhtin');
        value := replace(replace(replace(replace(value, 'ß', 'ss'), 'æ', 'ae'), 'œ', 'oe'), 'þ', 'th');
        if value ~ '[^\\x01-\\x7f]' then
          select string_agg(
            case when ascii(letter) < 128 then letter
                 when letter = '’' then ''
                 when ascii(letter) < 192 or ascii(letter) between 8192 and 12351 then ' '
                 else to_hex(ascii(letter)) end, '' order by place)
          into value from regexp_split_to_table(value, '') with ordinality letters (letter, place);
        end if;
      end if;
      return btrim(regexp_replace(
        regexp_replace(replace(value, '''', ''), '^\\s*(https|http)://(www\\.|)', ''), '[^a-z0-9]+', ' ', 'g'));
    end
    $$`;

/**
 * How many words the index is asked for, the longest; what it finds is compared with the others. Where
 * there are fewer, one is asked for again: dearer, but the planner never takes a search for a broad
 * one that it could do by reading all of the tenant.
 */
const INDEXED = { like: 3, near: 2 } as const;

/** What a search has set under the name; nothing where it has not. */
const setting = (name: string): string =>
  `nullif(current_setting(''app.search_${name}'', true), '''')`;
const indexed = (operator: string, way: keyof typeof INDEXED): string =>
  Array.from(
    { length: INDEXED[way] },
    (_, index) => `search_text ${operator} ${setting(`${way}_${index + 1}`)}`,
  ).join(' and ');

/**
 * Makes a table searchable by expressions over its columns, the most important first. For the
 * migrations of later tables too.
 *
 * What waits to be put into the index is looked through by each search, hence the small limit.
 */
const MAKE_SEARCHABLE = `
  create function cloister.make_searchable(name text, expressions text[]) returns void
    language plpgsql set search_path = pg_catalog as $$
    declare
      place regclass := format('cloister.%I', name)::regclass;
      owner name := (select pg_get_userbyid(relowner) from pg_class where oid = place);
      trigrams regnamespace := (select extnamespace from pg_extension where extname = 'pg_trgm');
      scalars regnamespace := (select extnamespace from pg_extension where extname = 'btree_gin');
      words text := (select string_agg(format('cloister.search_words(coalesce(%s, ''''))', e), ' || '' | '' || ' order by n)
                     from unnest(expressions) with ordinality x (e, n));
    begin
      execute format(
        'alter table %s add column search_text text generated always as ('' '' || %s || '' '') stored',
        place, words);
      execute format(
        'create index %I on %s using gin (tenant_id %s.uuid_ops, search_text %s.gin_trgm_ops)
           with (gin_pending_list_limit = 512) where deleted_at is null',
        name || '_search_text_idx', place, scalars, trigrams);
      execute format(
        'create policy search on %s as restrictive for select to %I using (
           (${indexed('operator(pg_catalog.~~)', 'like')})
           or (${indexed('operator(%3$s.%%>)', 'near')}))',
        place, owner, trigrams);
      -- The change log leaves generated columns out.
      perform cloister.guard_tenant_table(name);
    end
    $$;
  revoke execute on function cloister.make_searchable(text, text[]) from public`;

/**
 * The search goes by tiers: whole words; beginnings of words; words that are like these, and then
 * those that are less so. It ends with the tier that fills the answer, and of a tier it ranks the
 * first thousand it meets. An address that was found is not guessed at, nor are more than four words.
 *
 * The conditions stand in the policy, where they can use the index, and once more in the statement,
 * so that an answer is right whoever the owner is (a superuser meets no policy).
 */
const SEARCH = `
  create function cloister.search(table_name text, phrases text[], take integer)
    returns table (id uuid, rank real, place integer)
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
      wanted text[];
      found_ids uuid[] := '{}';
      hit record;
    begin
      if tenant is null or most is null or table_name is null or cardinality(words) = 0 or not exists (
        select from pg_policy where polname = 'search' and polrelid = to_regclass(format('cloister.%I', table_name))
      ) then
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
          using tenant, found_ids, tier < 3, wanted, everything, most - cardinality(found_ids)
        loop
          id := hit.id;
          rank := (3 - least(tier, 3) + hit.likeness) / 3;
          place := hit.place;
          found_ids := found_ids || hit.id;
          return next;
        end loop;
        exit when cardinality(found_ids) >= most or (tier = 2
          and (cardinality(words) > 4 or (is_address and cardinality(found_ids) > 0)));
      end loop;
      for n in 1 .. ${INDEXED.like} loop perform set_config('app.search_like_' || n, '', true); end loop;
      for n in 1 .. ${INDEXED.near} loop perform set_config('app.search_near_' || n, '', true); end loop;
    end
    $$`;

/**
 * The owner is that of the tables, whoever migrates. Where pg_trgm was there before, it may stand in
 * another schema. Who reads the tables may search in them.
 */
const SETTLE_SEARCH = `
  revoke execute on function cloister.search(text, text[], integer) from public;
  do $$
    declare
      reader name;
      owner name := (select pg_get_userbyid(relowner) from pg_class where oid = 'cloister.contacts'::regclass);
    begin
      execute format('alter function cloister.search(text, text[], integer) owner to %I', owner);
      execute format('alter function cloister.search(text, text[], integer) set search_path = pg_catalog, cloister, %s, pg_temp',
        (select extnamespace::regnamespace from pg_extension where extname = 'pg_trgm'));
      for reader in
        select distinct pg_get_userbyid(grantee) from pg_class, aclexplode(relacl)
        where oid = 'cloister.contacts'::regclass and privilege_type = 'SELECT' and grantee <> 0
      loop
        execute format('grant execute on function cloister.search(text, text[], integer) to %I', reader);
      end loop;
    end
  $$`;

export async function up(knex: Knex): Promise<void> {
  await knex.raw(CREATE_EXTENSIONS);
  await knex.raw(SEARCH_WORDS);
  await knex.raw(MAKE_SEARCHABLE);
  await knex.raw(SEARCH);
  await knex.raw(SETTLE_SEARCH);
  await knex.raw(`
    select cloister.make_searchable('accounts', array['name', 'website', 'email', 'phone']);
    select cloister.make_searchable('contacts', array[
      'coalesce(first_name || '' '', '''') || last_name', 'email', 'phone', 'mobile_phone']);
    create index accounts_email_idx on cloister.accounts (tenant_id, email, id) where deleted_at is null;
  `);
}

/** The extensions stay: others may use them by now. */
export async function down(knex: Knex): Promise<void> {
  for (const table of ['accounts', 'contacts']) {
    await knex.raw(`
      drop policy search on cloister.${table};
      alter table cloister.${table} drop column search_text`);
  }
  await knex.raw(`
    drop index cloister.accounts_email_idx;
    drop function cloister.search(text, text[], integer),
      cloister.make_searchable(text, text[]), cloister.search_words(text)`);
}
