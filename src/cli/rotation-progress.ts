/** How a rotation shows that it moves: a bar on a terminal, a line for each step elsewhere. */
import { Presets, SingleBar } from 'cli-progress';
import { SECOND } from '../lib/duration';
import type { RotationProgress, RotationStep } from '../tenancy/secrets/rotate-keys';

export interface RotationDisplay {
  update(progress: RotationProgress): void;
  stop(): void;
}

const LINE_EVERY_MS = 3 * SECOND;

export const createRotationProgress = (stream: NodeJS.WriteStream): RotationDisplay =>
  stream.isTTY ? createBar(stream) : createLines(stream);

function createBar(stream: NodeJS.WriteStream): RotationDisplay {
  let bar: SingleBar | undefined;
  let shown: RotationStep | undefined;
  return {
    update({ step, done, total }) {
      if (step !== shown) {
        bar?.stop();
        bar = new SingleBar(
          {
            stream,
            format: '{bar} {percentage}% | {step} | {value} of {total} | {eta_formatted} left',
            hideCursor: true,
            barsize: 30,
          },
          Presets.shades_classic,
        );
        bar.start(total, done, { step });
        shown = step;
      }
      bar?.setTotal(total);
      bar?.update(done, { step });
    },
    stop: () => bar?.stop(),
  };
}

function createLines(stream: NodeJS.WritableStream): RotationDisplay {
  let toldAt = performance.now();
  return {
    update({ step, done, total }) {
      if (done < total && performance.now() - toldAt < LINE_EVERY_MS) return;
      toldAt = performance.now();
      stream.write(`${step}: ${done} of ${total}\n`);
    },
    stop: () => undefined,
  };
}
