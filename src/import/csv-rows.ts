/**
 * Rows of a CSV file, one at a time: no more is read than the consumer has asked for, so memory
 * does not grow with the file. Quoted fields may hold line breaks; a row is known by the line it
 * begins on, as an editor shows it.
 */
import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import { CsvError, parse } from 'csv-parse';
import { ImportError } from './import-error';
import type { FileMapping } from './mapping.schema';

export interface SourceRow {
  /** Place among the file's rows, from 0; blank lines and the header do not count. */
  readonly rowNumber: number;
  /** Line of the file it begins on; the header is line 1. */
  readonly line: number;
  readonly cells: readonly string[];
}

export interface ReadRow extends SourceRow {
  /** Bytes of the file read so far. */
  readonly bytes: number;
}

export type CsvOptions = Pick<FileMapping, 'delimiter' | 'encoding'>;

/** A quote that nobody closes would make the rest of the file one field. */
const MAX_RECORD_CHARACTERS = 1_000_000;

export const openCsv = (path: string): Readable => createReadStream(path);

/** The header is row -1. @throws ImportError when the file is no CSV, naming the line. */
export async function* readCsv(
  input: Readable,
  name: string,
  { delimiter, encoding }: CsvOptions,
): AsyncGenerator<ReadRow> {
  const text = encoding === 'utf-8' ? input : Readable.from(transcode(input, encoding));
  const parser = text.pipe(
    parse({
      bom: true,
      delimiter,
      info: true,
      record_delimiter: ['\r\n', '\n', '\r'],
      // Counted and reported row by row instead of ending the import.
      relax_column_count: true,
      // A quote within an unquoted field, as in 5" disk, is a character like any other.
      relax_quotes: true,
      max_record_size: MAX_RECORD_CHARACTERS,
    }),
  );
  // pipe() hands on data, not failures.
  for (const stream of [input, text]) stream.once('error', (error) => parser.destroy(error));
  let line = 1;
  let rowNumber = -1;
  try {
    for await (const { record, info } of parser as AsyncIterable<{
      record: string[];
      info: { bytes: number };
    }>) {
      const begins = line;
      line += 1 + record.reduce((breaks, cell) => breaks + countBreaks(cell), 0);
      if (record.length === 1 && record[0] === '') continue;
      yield { rowNumber, line: begins, cells: record, bytes: info.bytes };
      rowNumber += 1;
    }
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    throw new ImportError(
      [
        `${name}, line ${line}: ${explainCsvError(error)} What stands before it was imported as far as reported; mend the file and run the import again`,
      ],
      'The import stopped',
      { cause: error },
    );
  } finally {
    input.destroy();
    parser.destroy();
  }
}

function explainCsvError({ code }: CsvError): string {
  if (code === 'CSV_QUOTE_NOT_CLOSED' || code === 'CSV_MAX_RECORD_SIZE') {
    return `expected the quote that opens in this row to be closed again within ${MAX_RECORD_CHARACTERS} characters, but it is not.`;
  }
  return `expected a row of CSV, but it is none (${code}).`;
}

async function* transcode(input: Readable, encoding: string): AsyncGenerator<string> {
  const decoder = new TextDecoder(encoding);
  for await (const chunk of input) yield decoder.decode(chunk as Buffer, { stream: true });
  yield decoder.decode();
}

const countBreaks = (cell: string): number => cell.match(/\r\n|\n|\r/g)?.length ?? 0;
