import { MINUTE } from '../../lib/duration';
import type { TenantRow } from '../../tenancy/registry.store';
import { admits, giveBack, isCurrent, type KnownTenant } from './known-tenant';
import type { Limits } from './plans.store';

const ROW = { id: 'acme' } as TenantRow;
const NONE: Limits = {
  users: null,
  records: null,
  storageBytes: null,
  requestsPerMinute: null,
  requestsPerDay: null,
};

/** Nine tenths of its 100 records are exactly 90. */
function tenantWith(
  limits: Partial<Limits>,
  used: { users?: number; records?: number; storageBytes?: number } | undefined = {},
): KnownTenant {
  const measured = { users: 0, records: 0, storageBytes: 0, measuredAt: new Date(0), ...used };
  return {
    row: ROW,
    loadedAt: Date.now(),
    allowed: { plan: 'small', limits: { ...NONE, ...limits } },
    measured,
    since: { users: 0, records: 0 },
    counted: {},
  };
}
const unmeasured = (limits: Partial<Limits>): KnownTenant => ({
  ...tenantWith(limits),
  measured: undefined,
});

describe('a tenant that a process knows', () => {
  it('is allowed what is far from its limit, and no more, however often it is asked for', () => {
    const known = tenantWith({ records: 100 }, { records: 80 });
    const admitted = Array.from({ length: 20 }, () => admits(known, 'records', 1));
    expect(admitted.filter(Boolean)).toHaveLength(9); // the tenth would be the ninetieth
    expect(known.since).toEqual({ users: 0, records: 9 });
  });

  it('is refused many at once where one would be allowed, and keeps its count', () => {
    const known = tenantWith({ records: 100 }, { records: 80 });
    expect(admits(known, 'records', 10)).toBe(false);
    expect(known.since.records).toBe(0);
    expect(admits(known, 'records', 9)).toBe(true);
  });

  it('has users and records apart', () => {
    const known = tenantWith({ users: 10, records: 100 }, { users: 9, records: 0 });
    expect(admits(known, 'users', 1)).toBe(false);
    expect(admits(known, 'records', 1)).toBe(true);
  });

  it('is allowed anything without a limit, and that is counted for the day it gets one', () => {
    const known = tenantWith({}, { records: 1_000_000 });
    expect(admits(known, 'records', 500)).toBe(true);
    expect(known.since.records).toBe(500);
  });

  it('is allowed nothing surely as long as its plan is not known', () => {
    const known = { ...tenantWith({}), allowed: undefined };
    expect(admits(known, 'records', 1)).toBe(false);
    expect(known.since.records).toBe(0);
  });

  it('is allowed nothing once its storage is used up, at the byte', () => {
    const limits = { storageBytes: 1000, records: 100 };
    expect(admits(tenantWith(limits, { storageBytes: 999 }), 'records', 1)).toBe(true);
    expect(admits(tenantWith(limits, { storageBytes: 1000 }), 'records', 1)).toBe(false);
  });

  it('is allowed nothing surely before it was measured or counted, unless nothing limits it', () => {
    expect(admits(unmeasured({ records: 100 }), 'records', 1)).toBe(false);
    expect(admits(unmeasured({}), 'records', 1)).toBe(true);
    const counted = { ...unmeasured({ records: 100 }), counted: { records: 12 } };
    expect(admits(counted, 'records', 1)).toBe(true);
    expect(admits(counted, 'users', 1)).toBe(true); // unlimited
  });

  it('has room again for what is given back', () => {
    const known = tenantWith({ records: 100 }, { records: 80 });
    expect(admits(known, 'records', 9)).toBe(true);
    expect(admits(known, 'records', 1)).toBe(false);
    giveBack(known, 'records', 1);
    expect(admits(known, 'records', 1)).toBe(true);
  });

  it('has never less than nothing written, when it was measured before something is given back', () => {
    const known = tenantWith({ records: 100 }, { records: 80 });
    giveBack(known, 'records', 5);
    expect(known.since.records).toBe(0);
    expect(admits(known, 'records', 10)).toBe(false);
  });

  it('is believed for a minute, and as long as the directory has the same of it', () => {
    jest.useFakeTimers();
    try {
      const known = tenantWith({});
      expect(isCurrent(known, ROW)).toBe(true);
      expect(isCurrent(known, { ...ROW })).toBe(false);
      jest.advanceTimersByTime(MINUTE - 1);
      expect(isCurrent(known, ROW)).toBe(true);
      jest.advanceTimersByTime(1);
      expect(isCurrent(known, ROW)).toBe(false);
    } finally {
      jest.useRealTimers();
    }
  });
});
