/** A position in a server's write-ahead log, as Postgres writes it: `16/B374D848`. */
const POSITION = /^([0-9A-Fa-f]{1,8})\/([0-9A-Fa-f]{1,8})$/;

/** Beyond every position that there is. */
export const UNREACHABLE = 1n << 64n;

export function parsePosition(text: string): bigint | undefined {
  const [, high, low] = POSITION.exec(text) ?? [];
  if (high === undefined || low === undefined) return undefined;
  return (BigInt(`0x${high}`) << 32n) + BigInt(`0x${low}`);
}
