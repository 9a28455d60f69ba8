import { kinds } from '../crm/kinds';
import { parseMapping } from './read-mapping';

const faultsOf = (text: string): readonly string[] => {
  try {
    parseMapping(text, kinds, 'test.yaml');
  } catch (error) {
    return (error as { faults: readonly string[] }).faults;
  }
  return [];
};

const file = (rest: string, kind = 'Opportunity'): string =>
  `files: [{ file: a.csv, kind: ${kind}, externalId: id, ${rest} }]`;

describe('a mapping', () => {
  it('may be JSON as well as YAML', () => {
    const json = JSON.stringify({
      files: [{ file: 'a.csv', kind: 'Product', externalId: ['a', 'b'], fields: { name: 'n' } }],
    });
    const [first] = parseMapping(json, kinds, 'test.json').files;
    expect(first).toMatchObject({ externalId: '{a}/{b}', fields: { name: { column: 'n' } } });
  });

  it('reports all its faults together, each with its path', () => {
    const faults = faultsOf(`
      files:
        - file: a.csv
          kind: Acount
          externalId: id
        - file: b.csv
          kind: Account
          externalId: id
          fields: { nmae: x, annualRevenue: y, billingAddress: z }
          references: { parnet: p }
    `);
    expect(faults).toEqual([
      expect.stringMatching(
        /^files\.0\.kind: expected one of .* but got "Acount"\. Did you mean "Account"\?$/,
      ),
      expect.stringMatching(
        /^files\.1\.fields\.nmae: Account has no field "nmae"\. Did you mean "name"\?/,
      ),
      expect.stringMatching(/^files\.1\.fields\.annualRevenue: .* state its currency/),
      expect.stringMatching(/^files\.1\.fields\.billingAddress: an address is made of parts/),
      expect.stringMatching(/^files\.1\.fields: Account needs "name"/),
      expect.stringMatching(/^files\.1\.references\.parnet: .* Did you mean "parent"\?/),
    ]);
  });

  it.each([
    [
      'a word it does not know',
      file('feilds: {}'),
      /"feilds" is not known here\. Did you mean "fields"\?/,
    ],
    ['a file that is no YAML', 'files: [', /./],
    ['nothing', '', /expected/],
    [
      'a date without its format',
      file('fields: { name: n, closeDate: c }'),
      /never guessed: state it/,
    ],
    [
      'a format that is none',
      file('fields: { name: n, closeDate: { column: c, date: Q } }'),
      /expected a format/,
    ],
    [
      'a year of two digits',
      file('fields: { name: n, closeDate: { column: c, date: M/D/YY } }'),
      /expected a format/,
    ],
    ['a scale for a text', file('fields: { name: { column: n, scale: 10 } }'), /name is no number/],
    ['two origins', file('fields: { name: { column: n, constant: x } }'), /exactly one of column/],
    ['a template that does not close', file("fields: { name: '{n' }"), /expected a template/],
    [
      'a password',
      file('fields: { name: n, password: p }', 'User'),
      /User\.password cannot be imported/,
    ],
    ['a role', file('fields: { name: n, role: r }', 'User'), /User\.role cannot be imported/],
    [
      'a computed field',
      file('fields: { lastName: n, fullName: f }', 'Contact'),
      /cannot be imported/,
    ],
    [
      'a reference among the fields',
      file('fields: { name: n, owner: o }'),
      /put it under "references"/,
    ],
    [
      'a lookup by what is no text',
      file('fields: { name: n }, references: { account: { column: a, by: foundedYear } }'),
      /expected externalId or a text of Account/,
    ],
    [
      'an item that is no part',
      file('fields: { name: n }, items: [{ kind: Event, externalId: id, fields: { name: n } }]'),
      /is part of Opportunity/,
    ],
    [
      'a lookup among its own by what is computed',
      file(
        'fields: { lastName: n }, references: { reportsTo: { column: r, by: fullName } }',
        'Contact',
      ),
      /use externalId/,
    ],
  ])('with %s is refused', (_what, text, fault) => {
    expect(faultsOf(text).join('\n')).toMatch(fault);
  });
});
