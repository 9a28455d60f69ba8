/** What is asked of tenants of every size. */
import { cloisterDialect } from '../dialects';
import type { Dataset } from '../dataset';
import { toTypeId } from '../type-ids';

export const GROWTH_QUERIES = [
  'byId',
  'first',
  'deep',
  'filtered',
  'sorted',
  'counted',
  'email',
  'address',
  'words',
] as const;
export type GrowthQuery = (typeof GROWTH_QUERIES)[number];

export const GROWTH_TITLES: Readonly<Record<GrowthQuery, string>> = {
  byId: 'account by id',
  first: 'nested page, the first',
  deep: 'nested page after a tenth of the list',
  filtered: 'page of 20 of an industry, newest first',
  sorted: 'page of 20 of an industry, by name',
  counted: 'the same with totalCount',
  email: 'contacts with an e-mail address, by filter',
  address: 'search for an e-mail address',
  words: 'search for two words that one record in 110 has',
};

/** Share of the list before the page that lies deep in it. */
const DEPTH = 0.1;

const NESTED = cloisterDialect.documents.q3.replace(
  '{ accounts(first: 20)',
  'query ($after: String) { accounts(first: 20, after: $after)',
);

const ofIndustry = (fields: string, orderBy = ''): string =>
  `query ($industry: String!) { accounts(first: 20, filter: { industry: { eq: $industry } } ${orderBy}) { ${fields} } }`;

const BY_NAME = 'orderBy: [{ field: NAME, direction: ASC }]';
const NODES = 'nodes { id name industry employeeCount }';

export const GROWTH_DOCUMENTS: Readonly<Record<GrowthQuery, string>> = {
  byId: cloisterDialect.documents.q1,
  first: NESTED,
  deep: NESTED,
  filtered: ofIndustry(NODES),
  sorted: ofIndustry(NODES, BY_NAME),
  counted: ofIndustry(`${NODES} totalCount`, BY_NAME),
  email: `query ($email: String!) { contacts(first: 20, filter: { email: { eq: $email } }) {
    nodes { id fullName email title } } }`,
  address: cloisterDialect.documents.q6,
  words: cloisterDialect.documents.q6,
};

/** The cursor of a record, as the list without a filter would give it: cursors belong to an order. */
export const CURSOR_DOCUMENT =
  'query ($id: ID!) { accounts(first: 1, filter: { id: { eq: $id } }) { edges { cursor } } }';

/** The account before the page that lies deep. */
export const beforeDeepPage = (dataset: Dataset, tenantIndex: number): string =>
  toTypeId(
    'account',
    dataset.accountId(
      tenantIndex,
      dataset.accountsPerTenant - 1 - Math.floor(dataset.accountsPerTenant * DEPTH),
    ),
  );

/** Of somebody whom tenants of every size have. */
const emailOf = (serial: number): string => `person.${serial * 97 + 3}@example.test`;

/** Values of a query for one tenant, several where that keeps it from asking the same again. */
export function variablesOf(
  query: GrowthQuery,
  dataset: Dataset,
  tenantIndex: number,
  cursor: string,
): readonly object[] {
  const several = <T>(count: number, make: (serial: number) => T): T[] =>
    Array.from({ length: count }, (_, serial) => make(serial));
  const { accountsPerTenant, industries } = dataset;
  switch (query) {
    case 'byId':
      return several(20, (serial) => {
        const number = Math.floor(((serial + 0.5) / 20) * accountsPerTenant);
        return { id: toTypeId('account', dataset.accountId(tenantIndex, number)) };
      });
    case 'first':
      return [{ after: null }];
    case 'deep':
      return [{ after: cursor }];
    case 'filtered':
    case 'sorted':
    case 'counted':
      return industries.map((industry) => ({ industry }));
    case 'email':
      return several(10, (serial) => ({ email: emailOf(serial) }));
    case 'address':
      return several(10, (serial) => ({ term: emailOf(serial) }));
    case 'words':
      return ['cobalt bakery', 'amber gardens', 'falcon foundry', 'juniper joinery'].map(
        (term) => ({ term }),
      );
  }
}
