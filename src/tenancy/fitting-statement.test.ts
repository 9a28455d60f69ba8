import { fittingStatement, mayBeOlder } from './fitting-statement';

const statement = {
  name: 'with_factor',
  text: 'select with the second factor',
  values: [1],
  older: { than: '0005_credentials', text: 'select without' },
};

describe('a statement with an alternative for an older data source', () => {
  it('is looked at only where the registry knows of an older schema', () => {
    expect(mayBeOlder(statement, { schemaVersion: '0003_import_runs' })).toBe(true);
    expect(mayBeOlder(statement, { schemaVersion: '0005_credentials' })).toBe(false);
    expect(mayBeOlder(statement, { schemaVersion: null })).toBe(false);
    expect(mayBeOlder({ text: '', values: [] }, { schemaVersion: '0001_crm' })).toBe(false);
  });

  it('gives way only when the data source itself says that it lacks the migration', async () => {
    const lacking = await fittingStatement(statement, () => Promise.resolve([]));
    expect(lacking).toEqual({ text: 'select without', values: [1] });
    const asked: unknown[] = [];
    const there = await fittingStatement(statement, (check) => {
      asked.push(check.values);
      return Promise.resolve([{}]);
    });
    expect(there).toBe(statement);
    expect(asked).toEqual([['0005_credentials']]);
  });
});
