/** One line that is written over on a terminal; elsewhere a line for each tenth of the way. */
export interface Progress {
  say(line: string): void;
  begin(steps: number): void;
  step(what: string): void;
  end(): void;
}

export function createProgress(stream: NodeJS.WriteStream = process.stderr): Progress {
  let steps = 0;
  let done = 0;
  let begunAt = 0;
  let told = -1;
  const wipe = (): void => void (stream.isTTY && stream.write('\r\u001b[2K'));
  return {
    say(line) {
      wipe();
      stream.write(`${line}\n`);
    },
    begin(count) {
      steps = count;
      done = 0;
      told = -1;
      begunAt = Date.now();
    },
    step(what) {
      const share = done / steps;
      const seconds =
        done === 0 ? undefined : ((Date.now() - begunAt) / done / 1000) * (steps - done);
      const left =
        seconds === undefined
          ? ''
          : `, ${seconds < 90 ? `${Math.ceil(seconds)} s` : `${Math.ceil(seconds / 60)} min`} left`;
      done += 1;
      const line = `${Math.floor(share * 100)} %${left}  ${what}`;
      if (stream.isTTY) {
        wipe();
        stream.write(line);
      } else if (Math.floor(share * 10) > told) {
        told = Math.floor(share * 10);
        stream.write(`${line}\n`);
      }
    },
    end: wipe,
  };
}
