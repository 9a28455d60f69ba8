/**
 * Asks for secrets. They are never arguments: those show in `ps` and stay in the shell's history.
 * At a terminal nothing is echoed; from a pipe each answer is a line.
 */
import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';

export interface Prompt {
  /** The answer without its line break; empty when there is none. */
  ask(question: string): Promise<string>;
  close(): void;
}

export function createPrompt(
  input: NodeJS.ReadableStream & { readonly isTTY?: boolean } = process.stdin,
  output: NodeJS.WritableStream = process.stderr,
): Prompt {
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const reader = createInterface({ input, output: silent, terminal: input.isTTY === true });
  // At a terminal in raw mode Ctrl-C arrives here and not as a signal.
  reader.on('SIGINT', () => process.kill(process.pid, 'SIGINT'));
  const lines = reader[Symbol.asyncIterator]();
  return {
    async ask(question) {
      output.write(question);
      const line = await lines.next();
      output.write('\n');
      return line.done === true ? '' : line.value;
    },
    close: () => reader.close(),
  };
}

/** What a variable says, or else the answer to a question. */
export async function secretFrom(
  variable: string | undefined,
  question: string,
  prompt: Prompt,
): Promise<string> {
  return variable ?? prompt.ask(question);
}
