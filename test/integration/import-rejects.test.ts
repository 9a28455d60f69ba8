import { createWorld, type World } from '../support/world';
import {
  countsOf,
  createImportFolder,
  importOptions,
  runImport,
  type ImportFolder,
} from '../support/import-world';
import type { ImportReport } from '../../src/import/import-report';

let world: World;
let folder: ImportFolder;

beforeAll(async () => {
  world = await createWorld();
});
afterAll(() => world.close());
beforeEach(async () => {
  folder = await createImportFolder();
});
afterEach(() => folder.remove());

const CONTACTS = `
  files:
    - file: contacts.csv
      kind: Contact
      externalId: id
      fields:
        lastName: name
        email: email
        birthDate: { column: born, date: M/D/YYYY }`;

const importContacts = async (content: string | Buffer, batchSize = 500): Promise<ImportReport> => {
  await folder.write({ 'contacts.csv': content });
  return runImport({ ...(await importOptions(world, 'alpha', folder, CONTACTS)), batchSize });
};
const rejectsOf = (): Promise<string[]> =>
  folder.readRejects('contacts.rejects.csv').then((text) => text.trimEnd().split('\r\n'));

const namesLike = async (prefix: string): Promise<string[]> => {
  const { database, localTenantId } = world.tenants.alpha;
  const rows = await world.sql<{ name: string }>(
    database,
    `select last_name as name from cloister.contacts
     where tenant_id = $1 and starts_with(external_id, $2) order by external_id`,
    [localTenantId, prefix],
  );
  return rows.map(({ name }) => name);
};

describe('a row that cannot be imported', () => {
  it('is rejected with its line and reason, and the rest of its batch is written', async () => {
    const report = await importContacts(
      [
        'id,name,email,born',
        'a1,Good,good@example.test,2/28/1990',
        'a2,Thirteenth month,x@example.test,28/2/1990',
        'a3,No such day,x@example.test,2/30/1990',
        'a4,No address,not an address,',
        'a5,,x@example.test,',
        'a6,Too,many,columns,here',
        'a7,Too few',
        ',No id,x@example.test,',
        'a1,Twice,x@example.test,',
        `a9,${'x'.repeat(300)},x@example.test,`,
        'b0,NUL \0 within,x@example.test,',
        'b1,"Two\nlines",two@example.test,',
        'b2,"said ""no, never""",bad,',
        'b3,Good too,,',
      ].join('\n'),
    );
    expect(countsOf(report)).toEqual({ Contact: [3, 0, 0, 11] });
    expect(await namesLike('')).toEqual(['Good', 'Two\nlines', 'Good too']);
    expect(await rejectsOf()).toEqual([
      'rejected_line,rejected_reason,id,name,email,born',
      '3,"born: expected a date as M/D/YYYY, but got ""28/2/1990""",a2,Thirteenth month,x@example.test,28/2/1990',
      '4,"born: expected a date as M/D/YYYY, but got ""2/30/1990""",a3,No such day,x@example.test,2/30/1990',
      '5,"email: expected an e-mail address, but got ""not an address""",a4,No address,not an address,',
      '6,lastName is required,a5,,x@example.test,',
      '7,"expected 4 columns, but got 5",a6,Too,many,columns,here',
      '8,"expected 4 columns, but got 2",a7,Too few',
      '9,"expected an external id, but id is empty",,No id,x@example.test,',
      '10,"same external id ""a1"" as line 2",a1,Twice,x@example.test,',
      `11,"lastName takes at most 255 characters, but got 300",a9,${'x'.repeat(300)},x@example.test,`,
      '12,"name: holds a NUL byte, which is no text",b0,NUL \0 within,x@example.test,',
      // Line 15, for the row before it has two lines.
      '15,"email: expected an e-mail address, but got ""bad""",b2,"said ""no, never""",bad,',
    ]);
  });

  it('is found among many when only the database can tell', async () => {
    const mapping = `
      files:
        - file: products.csv
          kind: Product
          externalId: id
          fields: { name: id, sku: sku }`;
    const rows = Array.from(
      { length: 40 },
      (_, index) => `p${index},sku-${index === 33 ? 7 : index}`,
    );
    await folder.write({ 'products.csv': ['id,sku', ...rows].join('\n') });
    const report = await runImport(await importOptions(world, 'gamma', folder, mapping));
    expect(countsOf(report)).toEqual({ Product: [39, 0, 0, 1] });
    expect(await folder.readRejects('products.rejects.csv')).toContain(
      '35,sku is already another product’s,p33,sku-7',
    );
  });

  it('does not take along who refers to it, but for who refers to nothing else', async () => {
    const mapping = `
      files:
        - file: accounts.csv
          kind: Account
          externalId: id
          fields: { name: id, foundedYear: year }
          references: { parent: { column: parent } }`;
    await folder.write({
      'accounts.csv':
        'id,year,parent\nA,1990,B\nB,bad,\nC,1990,D\nD,1990,C\nE,1990,E\nF,1990,G\nG,1990,\n',
    });
    const options = { ...(await importOptions(world, 'gamma', folder, mapping)), batchSize: 2 };
    expect(countsOf(await runImport(options))).toEqual({ Account: [2, 0, 0, 5] });
    const rejects = (await folder.readRejects('accounts.rejects.csv'))
      .trimEnd()
      .split('\r\n')
      .slice(1);
    expect(rejects.sort()).toEqual([
      '2,"parent: there is no account with the externalId ""B""",A,1990,B',
      '3,"year: expected a number such as 1234.5, but got ""bad""",B,bad,',
      '4,"refers to itself, or in a circle to rows that refer to it",C,1990,D',
      '5,"refers to itself, or in a circle to rows that refer to it",D,1990,C',
      '6,"refers to itself, or in a circle to rows that refer to it",E,1990,E',
    ]);
  });

  it('is an update when its external id stood in an earlier batch', async () => {
    const report = await importContacts('id,name,email,born\nu1,One,,\nu2,Two,,\nu1,Other,,\n', 2);
    expect(countsOf(report)).toEqual({ Contact: [2, 1, 0, 0] });
    expect(await namesLike('u')).toEqual(['Other', 'Two']);
  });

  it('leaves no rejects file of an earlier import behind', async () => {
    await importContacts('id,name,email,born\nv1,,,\n');
    expect((await rejectsOf()).length).toBe(2);
    await importContacts('id,name,email,born\nv1,Fine,,\n');
    await expect(rejectsOf()).rejects.toThrow('ENOENT');
  });
});

describe('an input file', () => {
  it('may have a byte order mark, CRLF, blank lines and quotes that open nothing', async () => {
    const report = await importContacts(
      '\ufeffid,name,email,born\r\n\r\nw1,"Quoted, with\r\nline",,\r\n\r\nw2,5" disk,,\r\n',
    );
    expect(countsOf(report)).toEqual({ Contact: [2, 0, 0, 0] });
    expect(await namesLike('w')).toEqual(['Quoted, with\r\nline', '5" disk']);
  });

  it('may have a header and nothing else', async () => {
    expect(countsOf(await importContacts('id,name,email,born\n'))).toEqual({
      Contact: [0, 0, 0, 0],
    });
  });

  it.each([
    [
      'is empty',
      '',
      'expected a header with the columns id, name, email, born, but the file is empty',
    ],
    [
      'lacks columns',
      'id,nam,email\n1,x,\n',
      'expected a column "name", but got id, nam, email. Did you mean "nam"?',
    ],
    [
      'has a column twice',
      'id,name,name,email,born\n',
      'expected one column "name", but got several',
    ],
    [
      'is no UTF-8',
      Buffer.from('id,name,email,born\n1,Caf\u00e9,,\n', 'latin1'),
      'expected UTF-8, but got the byte 0xE9 at offset 24, line 2',
    ],
  ])('that %s is refused before anything is written', async (_what, content, message) => {
    const before = await namesLike('');
    await expect(importContacts(content)).rejects.toThrow(message);
    expect(await namesLike('')).toEqual(before);
  });

  it('that ends within a quoted field is named with the line of the quote', async () => {
    await expect(
      importContacts('id,name,email,born\nx1,Fine,,\nx2,"never closed,,\n'),
    ).rejects.toThrow(
      'contacts.csv, line 3: expected the quote that opens in this row to be closed again',
    );
  });

  it('is refused together with all others that do not fit', async () => {
    const mapping = `
      files:
        - { file: one.csv, kind: Product, externalId: id, fields: { name: title } }
        - { file: two.csv, kind: Product, externalId: id, fields: { name: id } }`;
    await folder.write({ 'one.csv': 'id,name\n' });
    const failed = runImport(await importOptions(world, 'gamma', folder, mapping));
    await expect(failed).rejects.toThrow(/one\.csv: expected a column "title"[^]*two\.csv.*ENOENT/);
  });

  it('may be in windows-1252 when the mapping says so', async () => {
    await folder.write({
      'contacts.csv': Buffer.from('id,name,email,born\ny1,Caf\u00e9,,\n', 'latin1'),
    });
    const mapping = CONTACTS.replace(
      'kind: Contact',
      'kind: Contact\n      encoding: windows-1252',
    );
    await runImport(await importOptions(world, 'alpha', folder, mapping));
    expect(await namesLike('y')).toEqual(['Café']);
  });
});
