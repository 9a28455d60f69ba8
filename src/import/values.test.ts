import { parseDateFormat } from './dates';
import { multiply, readDecimal } from './decimals';
import { parseTemplate } from './template';
import { createUtf8Check } from './utf8';

describe('dates', () => {
  it.each([
    ['M/D/YYYY', '3/1/2017', '2017-03-01'],
    ['D/M/YYYY', '3/1/2017', '2017-01-03'],
    ['M/D/YYYY', '13/1/2017', undefined],
    ['MM/DD/YYYY', '3/1/2017', undefined],
    ['DD.MM.YYYY', '29.02.2016', '2016-02-29'],
    ['DD.MM.YYYY', '29.02.2017', undefined],
    ['YYYY-MM-DD', '2017-03-01T00:00', undefined],
    ['YYYYMMDD', '20170301', '2017-03-01'],
    ['YYYY-MM-DD', '0000-01-01', undefined],
  ])('by %s reads %s as %s', (format, text, expected) => {
    expect(parseDateFormat(format)?.parseDate(text)).toBe(expected);
  });

  it.each([
    ['YYYY-MM-DD HH:mm', '2017-03-01 01:30', '+02:00', '2017-02-28T23:30:00.000Z'],
    ['YYYY-MM-DDTHH:mm:ssZ', '2017-03-01T01:30:15.5-0330', undefined, '2017-03-01T05:00:15.500Z'],
    ['YYYY-MM-DD HH:mm', '2017-03-01 24:00', '+00:00', undefined],
    ['YYYY-MM-DD HH:mm', '2017-03-01 01:30', undefined, undefined],
  ])('with times by %s read %s as the moment it is', (format, text, offset, expected) => {
    expect(parseDateFormat(format)?.parseDateTime(text, offset)?.toISOString()).toBe(expected);
  });
});

describe('decimals', () => {
  it.each([
    ['1100.04', '1000000', '1100040000'],
    ['0.1', '0.2', '0.02'],
    ['-12345678901234567.89', '100', '-1234567890123456789'],
    ['4.35', '100', '435'],
    ['0', '1000', '0'],
    ['0.000001', '1000000', '1'],
  ])('%s times %s is exactly %s', (value, factor, product) => {
    expect(multiply(value, factor)).toBe(product);
  });

  const english = { decimalSeparator: '.', thousandsSeparator: ',' };
  const german = { decimalSeparator: ',', thousandsSeparator: '.' };
  it.each([
    ['1,234.50', english, '1234.5'],
    ['1.234,50', german, '1234.5'],
    ['1,23', english, undefined],
    ['1.234', { decimalSeparator: '.' }, '1.234'],
    ['1,234', { decimalSeparator: '.' }, undefined],
    ['1e5', english, undefined],
    ['0x10', english, undefined],
    ['-0.00', english, '0'],
    ['', english, undefined],
    ['1.2.3', english, undefined],
  ])('%s is read by the stated separators', (text, format, expected) => {
    expect(readDecimal(text, format)).toBe(expected);
  });
});

describe('templates', () => {
  const cells: Record<string, string | null> = { product: 'GTX', account: null };
  const render = (text: string): string | undefined =>
    parseTemplate(text)?.render((column) => cells[column] ?? null);

  it('leave out an optional part of which a column is empty', () => {
    expect(render('{product}[ for {account}]')).toBe('GTX');
    expect(render('{product}[ ({product})]')).toBe('GTX (GTX)');
  });

  it.each(['{a', 'a}', '[a', '{}', '[[a]]'])('refuse %s', (text) => {
    expect(parseTemplate(text)).toBeUndefined();
  });
});

describe('the check for UTF-8', () => {
  const check = (bytes: Buffer, size: number): unknown => {
    const utf8 = createUtf8Check();
    for (let at = 0; at < bytes.length; at += size) {
      const found = utf8.push(bytes.subarray(at, at + size));
      if (found !== undefined) return found;
    }
    return utf8.end();
  };

  it.each([1, 2, 3, 7, 1000])('accepts characters that chunks of %d bytes cut through', (size) => {
    expect(check(Buffer.from('a é € 😀 \n'.repeat(20)), size)).toBeUndefined();
  });

  it.each([1, 2, 3, 7, 1000])('names the first bad byte, read in chunks of %d bytes', (size) => {
    const bytes = Buffer.concat([
      Buffer.from('é€\n😀\nab'),
      Buffer.from([0xe9, 0x2c]),
      Buffer.from('c'),
    ]);
    expect(check(bytes, size)).toEqual({ byte: 0xe9, offset: 13, line: 3 });
  });

  it('names a character that the end of the file cuts off', () => {
    expect(check(Buffer.from([0x61, 0xe2, 0x82]), 1000)).toEqual({
      byte: 0xe2,
      offset: 1,
      line: 1,
    });
  });
});
