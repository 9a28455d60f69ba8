/** The command line: `cloister <command>`. Arguments in, words and progress out; no logic. */
import { Command, CommanderError } from 'commander';
import { TokenKeysError } from '../auth/token-keys';
import { ConfigError } from '../config';
import { describeConnectionFault } from '../database/connection-fault';
import { ConnectionUrlError } from '../database/connection-url';
import { MigrationError } from '../database/migrate-database';
import { EmbeddedPostgresError } from '../embedded/embedded-error';
import { AppError } from '../errors';
import { UserFaults } from '../graphql/user-errors';
import { ImportError } from '../import/import-error';
import { TenantRefused } from '../platform/create-tenant';
import { ListenError } from '../server/listen-error';
import { DataSourceRefused } from '../tenancy/add-data-source';
import { EnvelopeError } from '../tenancy/secrets/envelope';
import { KeyringError } from '../tenancy/secrets/keyring';
import { CommandFailure } from './command-failure';
import { registerDoctor } from './doctor.command';
import { UnknownTenant } from './find-tenant';
import { registerImport } from './import.command';
import { Interrupted, INTERRUPTED_EXIT_CODE } from './interruption';
import { registerInvalidate } from './invalidate.command';
import { registerKeys } from './keys.command';
import { registerMigrate } from './migrate.command';
import { registerSeed } from './seed.command';
import { registerSources } from './sources.command';
import { registerStart } from './start.command';
import { registerTenants } from './tenants.command';

/** @returns the exit code. */
export async function runCli(args: readonly string[]): Promise<number> {
  const program = new Command('cloister')
    .description('A multi-tenant CRM as one GraphQL API.')
    .exitOverride();
  registerDoctor(program);
  registerImport(program);
  registerMigrate(program);
  registerKeys(program);
  registerInvalidate(program);
  registerSources(program);
  registerStart(program);
  registerSeed(program);
  registerTenants(program);
  try {
    await program.parseAsync(args, { from: 'user' });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode;
    if (error instanceof CommandFailure) return error.exitCode;
    process.stderr.write(`${explain(error)}\n`);
    return error instanceof Interrupted ? INTERRUPTED_EXIT_CODE : 1;
  }
}

/** Errors whose message is the whole story: what was expected, what was got, what to do. */
const FOR_OPERATORS = [
  ConfigError,
  ConnectionUrlError,
  DataSourceRefused,
  EmbeddedPostgresError,
  EnvelopeError,
  ImportError,
  Interrupted,
  KeyringError,
  ListenError,
  MigrationError,
  TenantRefused,
  TokenKeysError,
  UnknownTenant,
  UserFaults,
];

/** For expected trouble the message is the whole story; for the rest an engineer needs the stack. */
function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (FOR_OPERATORS.some((expected) => error instanceof expected)) return error.message;
  if (error instanceof AppError && error.code !== 'INTERNAL_SERVER_ERROR') {
    const cause = error.cause === undefined ? '' : ` (${describeConnectionFault(error.cause)})`;
    return `${error.message}${cause}`;
  }
  return error.stack ?? error.message;
}
