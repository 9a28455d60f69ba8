import { OLDEST_SERVED_SCHEMA } from './compatibility-statement';
import { createMigrationSource } from './migration-source';
import { judgeSchema } from './schema-compatibility';

const known = ['0001_crm', '0002_user_sessions', OLDEST_SERVED_SCHEMA, '0004_change_log'];
const judge = (applied: readonly string[], oldestCode: string | null = null) =>
  judgeSchema({ applied, oldestCode }, known);

describe('judgeSchema', () => {
  it('serves its own schema and that of the release before', () => {
    expect(judge(known)).toMatchObject({ served: true, verdict: 'current' });
    expect(judge(known.slice(0, 3))).toMatchObject({ served: true, verdict: 'older' });
  });

  it('refuses what is older than that, or empty, or lacks a migration in between', () => {
    expect(judge(known.slice(0, 2))).toMatchObject({ served: false, verdict: 'too old' });
    expect(judge([])).toMatchObject({ served: false, verdict: 'too old' });
    expect(judge(['0001_crm', OLDEST_SERVED_SCHEMA])).toMatchObject({ served: false });
  });

  it('serves a newer one for as long as that one says so', () => {
    const newer = [...known, '0005_credentials'];
    expect(judge(newer, OLDEST_SERVED_SCHEMA)).toMatchObject({ served: true, verdict: 'newer' });
    expect(judge(newer, '0004_change_log')).toMatchObject({ served: true });
    expect(judge(newer, '0005_credentials')).toMatchObject({ served: false, verdict: 'too new' });
    expect(judge(newer)).toMatchObject({ served: false, verdict: 'too new' });
  });

  it('names migrations, for whoever has to do something about it', () => {
    expect(judge([]).detail).toBe(
      'expected 0004_change_log, or 0003_import_runs at the least, found none',
    );
  });

  it('goes by a release that there is', () => {
    expect(createMigrationSource('tenant').names).toContain(OLDEST_SERVED_SCHEMA);
  });
});
