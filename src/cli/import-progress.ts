/** How an import shows that it moves: a bar on a terminal, a line every few seconds elsewhere. */
import { Presets, SingleBar } from 'cli-progress';
import { SECOND } from '../lib/duration';
import type { ImportProgress } from '../import/import-report';

export interface ProgressDisplay {
  update(progress: ImportProgress): void;
  stop(): void;
}

const LINE_EVERY_MS = 3 * SECOND;

export function createImportProgress(
  stream: NodeJS.WriteStream,
  now: () => number = () => performance.now(),
): ProgressDisplay {
  const startedAt = now();
  const rateOf = ({ rowsNow }: ImportProgress): number =>
    Math.round(rowsNow / Math.max((now() - startedAt) / SECOND, 0.001));
  return stream.isTTY ? createBar(stream, rateOf) : createLines(stream, now, rateOf);
}

type RateOf = (progress: ImportProgress) => number;

function createBar(stream: NodeJS.WriteStream, rateOf: RateOf): ProgressDisplay {
  const bar = new SingleBar(
    {
      stream,
      format: '{bar} {percentage}% | {file} | {rows} rows | {rate} rows/s | {eta_formatted} left',
      hideCursor: true,
      barsize: 30,
    },
    Presets.shades_classic,
  );
  let started = false;
  return {
    update(progress) {
      const { bytes, totalBytes, file, rows } = progress;
      const payload = { file, rows, rate: rateOf(progress) };
      if (!started) bar.start(totalBytes, bytes, payload);
      else bar.update(bytes, payload);
      started = true;
    },
    stop: () => bar.stop(),
  };
}

function createLines(
  stream: NodeJS.WritableStream,
  now: () => number,
  rateOf: RateOf,
): ProgressDisplay {
  const startedAt = now();
  let toldAt = startedAt;
  let firstBytes: number | undefined;
  return {
    update(progress) {
      const { bytes, totalBytes, file, rows } = progress;
      firstBytes ??= bytes;
      if (now() - toldAt < LINE_EVERY_MS) return;
      toldAt = now();
      const percent = Math.floor((100 * bytes) / Math.max(totalBytes, 1));
      const secondsLeft =
        ((toldAt - startedAt) * (totalBytes - bytes)) / Math.max(bytes - firstBytes, 1) / SECOND;
      const rate = rateOf(progress);
      stream.write(
        `${percent}% | ${file} | ${rows} rows | ${rate} rows/s | ${Math.ceil(secondsLeft)} s left\n`,
      );
    },
    stop: () => undefined,
  };
}
