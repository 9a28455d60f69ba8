import { parseValue, type GraphQLScalarType } from 'graphql';
import {
  CurrencyCodeScalar,
  DateScalar,
  DateTimeScalar,
  DecimalScalar,
  EmailAddressScalar,
  PhoneNumberScalar,
  UrlScalar,
} from './scalars';

const literal = (scalar: GraphQLScalarType, text: string): unknown =>
  scalar.parseLiteral(parseValue(text));

describe('a decimal', () => {
  it.each(['0', '-1', '1234.5', '9999999999999999.9999'])('takes %s as text', (text) => {
    expect(DecimalScalar.parseValue(text)).toBe(text);
    expect(literal(DecimalScalar, `"${text}"`)).toBe(text);
  });

  it('takes a number where no digit can be lost', () => {
    expect(DecimalScalar.parseValue(12)).toBe('12');
    expect(literal(DecimalScalar, '1.5')).toBe('1.5');
    expect(() => DecimalScalar.parseValue(1.5)).toThrow('as text');
  });

  it.each([
    '',
    ' 1',
    '1.',
    '.5',
    '+1',
    '1e3',
    '1e400',
    'NaN',
    'Infinity',
    '1.00001',
    '12345678901234567',
    '١',
  ])('refuses "%s"', (text) => {
    expect(() => DecimalScalar.parseValue(text)).toThrow('Expected a decimal number');
  });

  it.each([
    ['1.5000', '1.5'],
    ['100.0000', '100'],
    ['100', '100'],
    ['0.0000', '0'],
    ['-0.0100', '-0.01'],
  ])('shows %s as %s', (stored, shown) => {
    expect(DecimalScalar.serialize(stored)).toBe(shown);
  });
});

describe('a day', () => {
  it('stays the text it is, whatever the time zone', () => {
    expect(DateScalar.parseValue('2026-03-31')).toBe('2026-03-31');
    expect(literal(DateScalar, '"2024-02-29"')).toBe('2024-02-29');
    expect(DateScalar.serialize('2026-03-31')).toBe('2026-03-31');
  });

  it.each(['2026-02-29', '2026-2-1', '2026-13-01', '31.03.2026', '2026-03-31T00:00:00Z', ''])(
    'refuses "%s"',
    (text) => {
      expect(() => DateScalar.parseValue(text)).toThrow();
    },
  );
});

describe('a moment', () => {
  it('is taken with its offset and shown in UTC', () => {
    const moment = DateTimeScalar.parseValue('2026-03-31T09:30:00+02:00');
    expect(DateTimeScalar.serialize(moment)).toBe('2026-03-31T07:30:00.000Z');
  });

  it.each([
    '2026-03-31',
    '2026-03-31T09:30',
    '2026-03-31 09:30:00Z',
    '2026-02-30T00:00:00Z',
    'now',
  ])('refuses "%s"', (text) => {
    expect(() => DateTimeScalar.parseValue(text)).toThrow();
  });
});

it.each([
  [EmailAddressScalar, 'ada@example.com', 'ada@'],
  [PhoneNumberScalar, '+431234567', '01 234 567'],
  [UrlScalar, 'https://example.com/', 'javascript:alert(1)'],
  [CurrencyCodeScalar, 'EUR', 'euro'],
])('%s takes "%s" and refuses "%s"', (scalar, good, bad) => {
  expect(scalar.parseValue(good)).toBe(good);
  expect(() => scalar.parseValue(bad)).toThrow();
  // What a database already holds is shown as it is.
  expect(scalar.serialize(bad)).toBe(bad);
});

it('of hostile text takes no time', () => {
  const scalars = [PhoneNumberScalar, EmailAddressScalar, UrlScalar, DateScalar, DateTimeScalar];
  for (const scalar of scalars) {
    // Exponential time would end with the test's own limit.
    for (const text of [
      `+${'1'.repeat(60)}x`,
      `${'a-'.repeat(5000)}!`,
      `a@${'a-.'.repeat(5000)}`,
    ]) {
      expect(() => scalar.parseValue(text)).toThrow();
    }
  }
});
