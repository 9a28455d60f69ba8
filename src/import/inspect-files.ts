/**
 * Looks at all input before anything is written: are the files there, are they text, do they have
 * the columns the mapping names. What is wrong is told together. The content's fingerprint, by
 * which an interrupted import is known again, is taken in the same reading.
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { openCsv, readCsv } from './csv-rows';
import { didYouMean } from './did-you-mean';
import { ImportError } from './import-error';
import type { FileMapping, Mapping } from './mapping.schema';
import { columnsOf } from './row-plan';
import { createUtf8Check, type InvalidByte } from './utf8';

export interface InspectedFile {
  readonly mapping: FileMapping;
  readonly path: string;
  readonly header: readonly string[];
  readonly bytes: number;
}

export interface Inspection {
  readonly files: readonly InspectedFile[];
  /** SHA-256 in hex over the mapping's meaning and the files' content. */
  readonly fingerprint: string;
}

/** @throws ImportError naming every fault of every file. */
export async function inspectFiles(mapping: Mapping, directory: string): Promise<Inspection> {
  const fingerprint = createHash('sha256').update(JSON.stringify(mapping));
  const faults: string[] = [];
  const files: InspectedFile[] = [];
  for (const file of mapping.files) {
    const path = join(directory, file.file);
    try {
      const { digest, bytes } = await readThrough(path, file);
      fingerprint.update(digest);
      const header = await readHeader(path, file);
      faults.push(...checkHeader(file, header));
      files.push({ mapping: file, path, header, bytes });
    } catch (error) {
      if (error instanceof ImportError) faults.push(...error.faults);
      else
        faults.push(
          `expected a CSV file at ${path}, but it cannot be read (${(error as NodeJS.ErrnoException).code ?? String(error)})`,
        );
    }
  }
  if (faults.length > 0) throw new ImportError(faults);
  return { files, fingerprint: fingerprint.digest('hex') };
}

async function readThrough(
  path: string,
  { file, encoding }: FileMapping,
): Promise<{ digest: Buffer; bytes: number }> {
  const hash = createHash('sha256');
  const check = encoding === 'utf-8' ? createUtf8Check() : undefined;
  let bytes = 0;
  const refuse = (invalid: InvalidByte | undefined): void => {
    if (invalid !== undefined) throw new ImportError([explainByte(file, invalid)]);
  };
  for await (const chunk of openCsv(path) as AsyncIterable<Buffer>) {
    hash.update(chunk);
    bytes += chunk.length;
    refuse(check?.push(chunk));
  }
  refuse(check?.end());
  return { digest: hash.digest(), bytes };
}

function explainByte(file: string, { byte, offset, line }: InvalidByte): string {
  const hex = `0x${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  const remedy =
    offset === 0 && (byte === 0xff || byte === 0xfe)
      ? 'it looks like UTF-16: save it as UTF-8'
      : 'if it comes from an older Windows program, state "encoding: windows-1252" for the file in the mapping, else save it as UTF-8';
  return `${file}: expected UTF-8, but got the byte ${hex} at offset ${offset}, line ${line}; ${remedy}`;
}

async function readHeader(path: string, mapping: FileMapping): Promise<readonly string[]> {
  for await (const { cells } of readCsv(openCsv(path), mapping.file, mapping)) {
    return cells.map((cell) => cell.trim());
  }
  throw new ImportError([
    `${mapping.file}: expected a header with the columns ${columnsOf(mapping).join(', ')}, but the file is empty`,
  ]);
}

function checkHeader(mapping: FileMapping, header: readonly string[]): string[] {
  const wanted = columnsOf(mapping);
  const missing = wanted.filter((column) => !header.includes(column));
  const twice = wanted.filter((column) => header.indexOf(column) !== header.lastIndexOf(column));
  const got = header.join(', ');
  return [
    ...missing.map(
      (column) =>
        `${mapping.file}: expected a column "${column}", but got ${got}.${didYouMean(column, header)}`,
    ),
    ...twice.map(
      (column) => `${mapping.file}: expected one column "${column}", but got several: ${got}`,
    ),
  ];
}
