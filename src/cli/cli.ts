/** The command line: `cloister <command>`. Arguments in, words and progress out; no logic. */
import { Command, CommanderError } from 'commander';
import { ConfigError } from '../config';
import { EmbeddedPostgresError } from '../embedded/embedded-error';
import { registerStart } from './start.command';

/** @returns the exit code. */
export async function runCli(args: readonly string[]): Promise<number> {
  const program = new Command('cloister')
    .description('A multi-tenant CRM as one GraphQL API.')
    .exitOverride();
  registerStart(program);
  try {
    await program.parseAsync(args, { from: 'user' });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode;
    process.stderr.write(`${explain(error)}\n`);
    return 1;
  }
}

/** For expected trouble the message is the whole story; for the rest an engineer needs the stack. */
function explain(error: unknown): string {
  if (error instanceof ConfigError || error instanceof EmbeddedPostgresError) return error.message;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
