import { SEARCH_STATEMENT, wordsOf } from './search.statement';

/** One statement for each query; $1 is the tenant, the finished answer is the column `json`. */
interface LimitStatement {
  readonly text: string;
  /** Variables of the request that follow the tenant. */
  readonly parameters: readonly string[];
  /** Parameters from the variables, where they are not those named. */
  readonly values?: (variables: Readonly<Record<string, string>>) => readonly unknown[];
}

/** `fullName` → `t.full_name as "fullName"`. */
const columns = (...names: readonly string[]): string =>
  names
    .map(
      (name) => `t.${name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)} as "${name}"`,
    )
    .join(', ');

const live = (table: string): string =>
  `cloister.${table} t where t.tenant_id = $1 and t.deleted_at is null`;

/** Rows keep the order of the select beneath. Text is put together, which costs less than JSON in JSON. */
const list = (select: string): string => `coalesce((select json_agg(r) from (${select}) r), '[]')`;

const children = (table: string, selected: string): string =>
  list(`select ${selected} from ${live(table)} and t.account_id = a.id order by t.id desc limit 5`);

const CONTACT = columns('id', 'fullName', 'email', 'title');

const PRIMARY_CONTACT = `(select json_build_object('id', p.id, 'fullName', p.full_name) from cloister.contacts p
  where p.tenant_id = $1 and p.id = t.primary_contact_id and p.deleted_at is null) as "primaryContact"`;

export const LIMIT_STATEMENTS: Readonly<Record<string, LimitStatement>> = {
  q1: {
    parameters: ['id'],
    text: `select '{"data":{"account":' || coalesce((select row_to_json(r) from (
        select ${columns('id', 'name', 'industry', 'website', 'phone', 'employeeCount', 'foundedYear')}
        from ${live('accounts')} and t.id = $2) r)::text, 'null') || '}}' as json`,
  },
  q2: {
    parameters: [],
    text: `select '{"data":{"accounts":' || ${list(
      `select ${columns('id', 'name', 'industry', 'website', 'employeeCount', 'foundedYear')}
       from ${live('accounts')} order by t.id desc limit 50`,
    )} || '}}' as json`,
  },
  q3: {
    parameters: [],
    text: `select '{"data":{"accounts":' || ${list(
      `select a.id, a.name, a.industry,
         ${children('contacts', CONTACT)} as contacts,
         ${children('opportunities', `${columns('id', 'name', 'stage', 'amount', 'amountCurrency', 'closeDate')}, ${PRIMARY_CONTACT}`)} as opportunities,
         ${children('events', columns('id', 'name', 'startsAt', 'status'))} as events
       from (select t.id, t.name, t.industry from ${live('accounts')} order by t.id desc limit 20) a`,
    )} || '}}' as json`,
  },
  q4: {
    parameters: ['accountId', 'firstName', 'lastName', 'email', 'title'],
    text: `insert into cloister.contacts as t (tenant_id, id, account_id, first_name, last_name, email, title)
      values ($1, uuidv7(), $2, $3, $4, $5, $6)
      returning '{"data":{"contact":' || json_build_object(
        'id', t.id, 'fullName', t.full_name, 'email', t.email, 'title', t.title) || '}}' as json`,
  },
  q5: {
    parameters: ['industry'],
    text: `select '{"data":{"accounts":{"nodes":' || ${list(
      `select ${columns('id', 'name', 'industry', 'employeeCount')}
       from ${live('accounts')} and t.industry = $2 order by t.name, t.id limit 20`,
    )} || ',"totalCount":' || (select count(*) from ${live('accounts')} and t.industry = $2) || '}}}' as json`,
  },
  q6: {
    parameters: [],
    values: ({ term = '' }) => [wordsOf(term), 20],
    text: `select '{"data":{"hits":' || ${list(SEARCH_STATEMENT)} || '}}' as json`,
  },
};
