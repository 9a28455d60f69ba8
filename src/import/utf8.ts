/** Finds what is not UTF-8, byte by byte (https://encoding.spec.whatwg.org/#utf-8-decoder). */
import { isUtf8 } from 'node:buffer';

export interface InvalidByte {
  readonly byte: number;
  /** From the start of the stream, in bytes. */
  readonly offset: number;
  /** First line is 1. */
  readonly line: number;
}

export interface Utf8Check {
  /** @returns the first byte that is not UTF-8; the check is over then. */
  push(chunk: Buffer): InvalidByte | undefined;
  end(): InvalidByte | undefined;
}

export function createUtf8Check(): Utf8Check {
  /** Start of a character whose end is in the next chunk, at most three bytes. */
  let carried = Buffer.alloc(0);
  let offset = 0;
  let line = 1;

  const locate = (bytes: Buffer, at: number): InvalidByte => ({
    byte: bytes[at] ?? 0,
    offset: offset + at,
    line: line + countLines(bytes.subarray(0, at)),
  });

  return {
    push(chunk) {
      const bytes = carried.length === 0 ? chunk : Buffer.concat([carried, chunk]);
      const end = bytes.length - unfinished(bytes);
      const whole = bytes.subarray(0, end);
      if (!isUtf8(whole)) return locate(bytes, firstInvalid(whole));
      offset += end;
      line += countLines(whole);
      carried = Buffer.from(bytes.subarray(end));
      return undefined;
    },
    end: () => (carried.length === 0 ? undefined : locate(carried, 0)),
  };
}

const isContinuation = (byte: number): boolean => (byte & 0xc0) === 0x80;

const lengthOf = (lead: number): number =>
  lead < 0x80 ? 1 : lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0;

/** How many bytes at the end belong to a character that is not complete. */
function unfinished(bytes: Buffer): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back += 1) {
    const byte = bytes[bytes.length - back] ?? 0;
    if (isContinuation(byte)) continue;
    return lengthOf(byte) > back ? back : 0;
  }
  return 0;
}

function firstInvalid(bytes: Buffer): number {
  let at = 0;
  while (at < bytes.length) {
    const length = lengthOf(bytes[at] ?? 0);
    if (length === 0 || !isUtf8(bytes.subarray(at, at + length))) return at;
    at += length;
  }
  return 0;
}

function countLines(bytes: Buffer): number {
  let lines = 0;
  for (let at = bytes.indexOf(10); at !== -1; at = bytes.indexOf(10, at + 1)) lines += 1;
  return lines;
}
