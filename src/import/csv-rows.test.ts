import { Readable } from 'node:stream';
import { readCsv } from './csv-rows';
import { batchesOf } from './import-file';

const OPTIONS = { delimiter: ',', encoding: 'utf-8' } as const;

describe('rows of a CSV file', () => {
  it('are read no further than the consumer has come', async () => {
    const rowsPerChunk = 100;
    const chunks = 10_000;
    let produced = 0;
    const input = Readable.from(
      (function* () {
        yield Buffer.from('id,name\n');
        for (; produced < chunks; produced += 1) {
          yield Buffer.from(`${'1,x\n'.repeat(rowsPerChunk)}`);
        }
      })(),
    );
    const batches = batchesOf(readCsv(input, 'a.csv', OPTIONS), 0, 500);
    for (let consumed = 1; consumed <= 20; consumed += 1) {
      const { value } = await batches.next();
      expect((value as { rows: unknown[] }).rows).toHaveLength(500);
      // What streams hold between producer and consumer is fixed: 64 KiB, of which a chunk is 400 B.
      expect(produced).toBeLessThan((consumed * 500) / rowsPerChunk + 300);
    }
    await batches.return(undefined);
    expect(input.destroyed).toBe(true);
  });

  it('carry the line they begin on', async () => {
    const input = Readable.from([Buffer.from('a,b\r\n1,"x\r\ny\nz"\r\n\r\n2,3\r\n')]);
    const lines: number[] = [];
    for await (const { line } of readCsv(input, 'a.csv', OPTIONS)) lines.push(line);
    expect(lines).toEqual([1, 2, 6]);
  });

  it('are passed over up to the one wanted', async () => {
    const input = Readable.from([Buffer.from('a\n0\n1\n2\n3\n4\n')]);
    const found: unknown[] = [];
    for await (const { rows, nextRowNumber } of batchesOf(readCsv(input, 'a.csv', OPTIONS), 2, 2)) {
      found.push([rows.map(({ cells }) => cells[0]), nextRowNumber]);
    }
    expect(found).toEqual([
      [['2', '3'], 4],
      [['4'], 5],
    ]);
  });

  it('fail when the file cannot be read', async () => {
    const input = new Readable({ read: () => input.destroy(new Error('The disk is gone.')) });
    await expect(readCsv(input, 'a.csv', OPTIONS).next()).rejects.toThrow('The disk is gone.');
  });
});
