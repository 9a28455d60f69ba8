/** How a move shows that it moves: a bar on a terminal, a line for each phase and every few seconds elsewhere. */
import { Presets, SingleBar } from 'cli-progress';
import { SECOND } from '../lib/duration';
import type { MoveProgress } from '../tenancy/move/move-tenant';

export interface MoveDisplay {
  update(progress: MoveProgress): void;
  stop(): void;
}

const LINE_EVERY_MS = 3 * SECOND;

/** What an operator wants to know of each phase. */
const WORDS: Readonly<Record<MoveProgress['phase'], string>> = {
  prepare: 'preparing the target',
  copy: 'copying',
  follow: 'catching up with what was written meanwhile',
  verify: 'comparing counts and hashes',
  switch: 'waiting for a moment without writes, to switch in',
  switched: 'switched',
  finished: 'finished',
  rolled_back: 'rolled back',
};

export function createMoveProgress(
  stream: NodeJS.WriteStream,
  now: () => number = () => performance.now(),
): MoveDisplay {
  let phase: MoveProgress['phase'] | undefined;
  let since = now();
  let rowsBefore = 0;
  let toldAt = -Infinity;
  let bar: SingleBar | undefined;

  const measured = ({ rows, totalRows }: MoveProgress): { rate: number; secondsLeft: number } => {
    const seconds = Math.max((now() - since) / SECOND, 0.001);
    const rate = (rows - rowsBefore) / seconds;
    return {
      rate: Math.round(rate),
      secondsLeft: Math.ceil(Math.max(totalRows - rows, 0) / Math.max(rate, 1)),
    };
  };
  const stopBar = (): void => {
    bar?.stop();
    bar = undefined;
  };

  return {
    update(progress) {
      const { rows, totalRows, changes, table = '' } = progress;
      if (progress.phase !== phase) {
        stopBar();
        phase = progress.phase;
        since = now();
        rowsBefore = phase === 'copy' || phase === 'verify' ? 0 : rows;
        stream.write(`${WORDS[phase]}${changes > 0 ? ` (${changes} changes so far)` : ''}\n`);
        toldAt = now();
      }
      if (table === '') return;
      const { rate, secondsLeft } = measured(progress);
      if (stream.isTTY) {
        if (bar === undefined) {
          bar = new SingleBar(
            {
              stream,
              format:
                '{bar} {percentage}% | {table} | {value} of {total} rows | {rate} rows/s | {left} s left',
              hideCursor: true,
              barsize: 30,
            },
            Presets.shades_classic,
          );
          bar.start(totalRows, rows, { table, rate, left: secondsLeft });
        } else bar.update(rows, { table, rate, left: secondsLeft });
        return;
      }
      if (now() - toldAt < LINE_EVERY_MS) return;
      toldAt = now();
      const percent = Math.floor((100 * rows) / Math.max(totalRows, 1));
      stream.write(
        `${percent}% | ${table} | ${rows} of ${totalRows} rows | ${rate} rows/s | ${secondsLeft} s left\n`,
      );
    },
    stop: stopBar,
  };
}
