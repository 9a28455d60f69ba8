/** Decimal numbers as text, exactly: a float would turn 1100.04 millions into something near it. */
const PLAIN = /^([+-]?)(\d+)(?:\.(\d+))?$/;

export interface NumberFormat {
  readonly decimalSeparator: string;
  /** Between groups of three digits; absent when there is none. */
  readonly thousandsSeparator?: string | undefined;
}

/** @returns the number with a point and without zeros that say nothing, or undefined for what is none. */
export function readDecimal(
  text: string,
  { decimalSeparator, thousandsSeparator }: NumberFormat,
): string | undefined {
  const [given = '', ...rest] = text.split(decimalSeparator);
  let whole = given;
  if (thousandsSeparator !== undefined && whole.includes(thousandsSeparator)) {
    const groups = whole.split(thousandsSeparator);
    const [first = '', ...others] = groups;
    if (!/^[+-]?\d{1,3}$/.test(first) || others.some((group) => !/^\d{3}$/.test(group)))
      return undefined;
    whole = groups.join('');
  }
  return normalize([whole, ...rest].join('.'));
}

/** @param factor a plain decimal number. */
export function multiply(value: string, factor: string): string {
  const [a, aPlaces] = toInteger(value);
  const [b, bPlaces] = toInteger(factor);
  const places = aPlaces + bPlaces;
  const product = a * b;
  const digits = (product < 0n ? -product : product).toString().padStart(places + 1, '0');
  const whole = digits.slice(0, digits.length - places);
  const fraction = digits.slice(digits.length - places);
  const plain = `${product < 0n ? '-' : ''}${whole}${places === 0 ? '' : `.${fraction}`}`;
  return normalize(plain) ?? plain;
}

export const isDecimal = (text: string): boolean => PLAIN.test(text);

function normalize(text: string): string | undefined {
  const [, sign, whole, fraction = ''] = PLAIN.exec(text) ?? [];
  if (whole === undefined) return undefined;
  const significant = whole.replace(/^0+(?=\d)/, '');
  const rest = fraction.replace(/0+$/, '');
  const magnitude = rest === '' ? significant : `${significant}.${rest}`;
  return sign === '-' && magnitude !== '0' ? `-${magnitude}` : magnitude;
}

function toInteger(value: string): [digits: bigint, places: number] {
  const [whole = '0', fraction = ''] = value.split('.');
  return [BigInt(`${whole}${fraction}`), fraction.length];
}
