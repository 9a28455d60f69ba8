/** The same questions in the schema of each server, and their answers in one common form. */
import type { Asked, QueryId } from './queries';
import { toTypeId, toUuid } from './type-ids';

export interface Dialect {
  readonly documents: Readonly<Record<QueryId, string>>;
  variables(query: QueryId, asked: Asked, tenantId: string): object;
}

export const cloisterDialect: Dialect = {
  documents: {
    q1: 'query ($id: ID!) { account(id: $id) { id name industry website phone employeeCount foundedYear } }',
    q2: '{ accounts(first: 50) { nodes { id name industry website employeeCount foundedYear } } }',
    q3: `{ accounts(first: 20) { nodes { id name industry
      contacts(first: 5) { nodes { id fullName email title } }
      opportunities(first: 5) { nodes { id name stage amount { amount currencyCode } closeDate primaryContact { id fullName } } }
      events(first: 5) { nodes { id name startsAt status } } } } }`,
    q4: `mutation ($input: CreateContactInput!) {
      createContact(input: $input) { contact { id fullName email title } userErrors { message } } }`,
    q5: `query ($industry: String!) { accounts(first: 20, filter: { industry: { eq: $industry } },
      orderBy: [{ field: NAME, direction: ASC }]) { nodes { id name industry employeeCount } totalCount } }`,
    q6: `query ($term: String!) { hits: search(query: $term, first: 20) { kind rank matchedText
      record { id ... on Account { name } ... on Contact { name: fullName } } } }`,
  },
  variables(query, { values }) {
    const { id = '', accountId = '' } = values;
    if (query === 'q1') return { id: toTypeId('account', id) };
    if (query === 'q4') return { input: { ...values, accountId: toTypeId('account', accountId) } };
    return values;
  },
};

const LIVE = 'filter: { deletedAt: { isNull: true } }';

export const postgraphileDialect: Dialect = {
  documents: {
    q1: `query ($tenantId: UUID!, $id: UUID!) { account: accountByTenantIdAndRowId(tenantId: $tenantId, rowId: $id) {
      id: rowId name industry website phone employeeCount foundedYear } }`,
    q2: `{ accounts: allAccounts(first: 50, orderBy: PRIMARY_KEY_DESC, ${LIVE}) {
      nodes { id: rowId name industry website employeeCount foundedYear } } }`,
    q3: `{ accounts: allAccounts(first: 20, orderBy: PRIMARY_KEY_DESC, ${LIVE}) { nodes { id: rowId name industry
      contacts: contactsByTenantIdAndAccountId(first: 5, orderBy: PRIMARY_KEY_DESC, ${LIVE}) {
        nodes { id: rowId fullName email title } }
      opportunities: opportunitiesByTenantIdAndAccountId(first: 5, orderBy: PRIMARY_KEY_DESC, ${LIVE}) {
        nodes { id: rowId name stage amount amountCurrency closeDate
          primaryContact: contactByTenantIdAndPrimaryContactId { id: rowId fullName } } }
      events: eventsByTenantIdAndAccountId(first: 5, orderBy: PRIMARY_KEY_DESC, ${LIVE}) {
        nodes { id: rowId name startsAt status } } } } }`,
    q4: `mutation ($input: CreateContactInput!) {
      createContact(input: $input) { contact { id: rowId fullName email title } } }`,
    q5: `query ($industry: String!) { accounts: allAccounts(first: 20, orderBy: NAME_ASC,
      filter: { deletedAt: { isNull: true }, industry: { equalTo: $industry } }) {
      nodes { id: rowId name industry employeeCount } totalCount } }`,
    q6: `query ($term: String!) { hits: benchSearchRecords(term: $term, first: 20) {
      nodes { kind rank matchedText id: record name } } }`,
  },
  variables(query, { values }, tenantId) {
    if (query === 'q1') return { ...values, tenantId };
    if (query === 'q4') return { input: { contact: { ...values, tenantId } } };
    return values;
  },
};

/** The schema of the two servers written by hand. */
export const tutorialDialect: Dialect = {
  documents: {
    q1: 'query ($id: ID!) { account(id: $id) { id name industry website phone employeeCount foundedYear } }',
    q2: '{ accounts(first: 50) { id name industry website employeeCount foundedYear } }',
    q3: `{ accounts(first: 20) { id name industry
      contacts(first: 5) { id fullName email title }
      opportunities(first: 5) { id name stage amount amountCurrency closeDate primaryContact { id fullName } }
      events(first: 5) { id name startsAt status } } }`,
    q4: 'mutation ($input: ContactInput!) { contact: createContact(input: $input) { id fullName email title } }',
    q5: `query ($industry: String!) { accounts: accountsOfIndustry(industry: $industry, first: 20) {
      nodes { id name industry employeeCount } totalCount } }`,
    q6: `query ($term: String!) { hits: searchRecords(term: $term, first: 20) {
      kind rank matchedText id name } }`,
  },
  variables: (query, { values }) => (query === 'q4' ? { input: values } : values),
};

/** The limit knows its statements by name and reads no document. */
export const limitDialect: Dialect = {
  documents: { q1: '', q2: '', q3: '', q4: '', q5: '', q6: '' },
  variables: (_query, { values }) => values,
};

/**
 * The data of an answer in the common form: UUIDs, numbers for amounts, instants in UTC, lower-case
 * enumerations, plain lists for connections without a count.
 * @throws when the answer has errors or is none.
 */
export function commonForm(query: QueryId, body: string): unknown {
  const answer = JSON.parse(body) as { data?: Record<string, unknown> | null; errors?: unknown };
  if (answer.errors !== undefined || !answer.data) {
    throw new Error(`Expected data, but got ${body.slice(0, 500)}`);
  }
  const data = simplify(answer.data) as Record<string, unknown>;
  if (query !== 'q4') return data;
  const payload = (data['createContact'] ?? data) as { contact: Record<string, unknown> };
  return { contact: { ...payload.contact, id: typeof payload.contact['id'] } };
}

function simplify(value: unknown, key = ''): unknown {
  if (Array.isArray(value)) return value.map((item) => simplify(item));
  if (typeof value === 'object' && value !== null) {
    const record = value as Record<string, unknown>;
    const keys = Object.keys(record);
    if ('record' in record) {
      // A hit shows its record, or is one.
      const { record: shown, ...hit } = record;
      return simplify({ ...hit, ...(shown as object) });
    }
    if (keys.length === 1 && keys[0] === 'nodes') return simplify(record['nodes']);
    if (key === 'amount') return Number(record['amount']);
    return Object.fromEntries(
      keys
        .filter((name) => name !== 'amountCurrency' && name !== 'userErrors')
        .sort()
        .map((name) => [name, simplify(record[name], name)]),
    );
  }
  if (value === null) return null;
  if (key === 'id') return toUuid(value as string);
  if (key === 'amount') return Number(value);
  if (key === 'startsAt') return new Date(value as string).toISOString();
  if (key === 'stage' || key === 'status' || key === 'kind') return (value as string).toLowerCase();
  return value;
}
