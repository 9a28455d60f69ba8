/** Asks before something is done that cannot be undone. */
import { createInterface } from 'node:readline/promises';

/** The command was not confirmed, and nothing was done. */
export class NotConfirmed extends Error {
  override readonly name = 'NotConfirmed';
}

export interface Confirmation {
  /** What will happen, as a sentence. */
  readonly what: string;
  /** What is to be typed. */
  readonly word: string;
  /** Given on the command line instead. */
  readonly yes: boolean;
}

/** @throws NotConfirmed when the word was not typed, or nobody is there to type it. */
export async function confirm(
  { what, word, yes }: Confirmation,
  input: NodeJS.ReadableStream & { readonly isTTY?: boolean } = process.stdin,
): Promise<void> {
  if (yes) return;
  if (input.isTTY !== true) {
    throw new NotConfirmed(`${what} Nothing was done: run it at a terminal, or give --yes.`);
  }
  const reader = createInterface({ input, output: process.stderr });
  try {
    const answer = await reader.question(`${what} Type ${word} to go on: `);
    if (answer.trim() !== word) throw new NotConfirmed('Not confirmed: nothing was done.');
  } finally {
    reader.close();
  }
}
