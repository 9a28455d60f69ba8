/** What is asked of every server, and with which values. */
import { CREATED_LAST_NAME, type Dataset } from './dataset';

export const QUERY_IDS = ['q1', 'q2', 'q3', 'q4', 'q5', 'q6'] as const;
export type QueryId = (typeof QUERY_IDS)[number];

export const QUERY_TITLES: Readonly<Record<QueryId, string>> = {
  q1: 'account by id',
  q2: 'page of 50 accounts × 6 fields',
  q3: 'nested page: 20 accounts × (5 contacts, 5 opportunities with primary contact, 5 events)',
  q4: 'create a contact',
  q5: 'filtered and sorted page of 20 with totalCount',
  q6: 'search over accounts and contacts: the best 20, typing errors included',
};

/** One request: the tenant it is for, and values by name, ids as UUIDs. */
export interface Asked {
  readonly tenantIndex: number;
  readonly values: Readonly<Record<string, string>>;
}

const IDS_PER_TENANT = 20;

/** The requests of a query, over all tenants in turn. Sent one after another, again and again. */
export function askedFor(query: QueryId, dataset: Dataset): readonly Asked[] {
  const spread = (
    count: number,
    values: (tenantIndex: number, serial: number) => Asked['values'],
  ) =>
    Array.from({ length: count }, (_, serial) =>
      dataset.tenants.map((_tenant, tenantIndex) => ({
        tenantIndex,
        values: values(tenantIndex, serial),
      })),
    ).flat();
  const accountOf = (tenantIndex: number, serial: number): string =>
    dataset.accountId(
      tenantIndex,
      Math.floor(((serial + 0.5) / IDS_PER_TENANT) * dataset.accountsPerTenant),
    );
  switch (query) {
    case 'q1':
      return spread(IDS_PER_TENANT, (tenant, serial) => ({ id: accountOf(tenant, serial) }));
    case 'q2':
    case 'q3':
      return spread(1, () => ({}));
    case 'q4':
      // Not the accounts of the nested page, whose children must stay what they are.
      return spread(IDS_PER_TENANT / 2, (tenant, serial) => ({
        accountId: accountOf(tenant, serial),
        firstName: `Ada ${serial}`,
        lastName: CREATED_LAST_NAME,
        email: `ada.${serial}@example.test`,
        title: 'Engineer',
      }));
    case 'q5':
      return spread(dataset.industries.length, (_tenant, serial) => ({
        industry: dataset.industries[serial] ?? '',
      }));
    case 'q6':
      return spread(dataset.searchTerms.length, (_tenant, serial) => ({
        term: dataset.searchTerms[serial] ?? '',
      }));
  }
}
