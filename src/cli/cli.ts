/** The command line: `cloister <command>`. Arguments in, words and progress out; no logic. */
import { Command, CommanderError } from 'commander';
import { TokenKeysError } from '../auth/token-keys';
import { ConfigError } from '../config';
import { describeConnectionFault } from '../database/connection-fault';
import { AddressRefused } from '../database/address-guard';
import { ConnectionUrlError } from '../database/connection-url';
import { MigrationError } from '../database/migrate-database';
import { EmbeddedPostgresError } from '../embedded/embedded-error';
import { AppError } from '../errors';
import { UserFaults } from '../graphql/user-errors';
import { ImportError } from '../import/import-error';
import { TenantRefused } from '../platform/create-tenant';
import { ServerRefused } from '../platform/database-servers';
import { ExportError } from '../platform/export/manifest';
import { ListenError } from '../server/listen-error';
import { DataSourceRefused } from '../tenancy/add-data-source';
import { ReplicaRefused } from '../tenancy/replicas/add-replica';
import { MoveError } from '../tenancy/move/move-error';
import { EnvelopeError } from '../tenancy/secrets/envelope';
import { KeyProviderError } from '../tenancy/secrets/key-provider';
import { KeyringError } from '../tenancy/secrets/keyring';
import { RotationRefused } from '../tenancy/secrets/rotate-keys';
import { CommandFailure } from './command-failure';
import { NotConfirmed } from './confirm';
import { registerAudit } from './audit.command';
import { registerDoctor } from './doctor.command';
import { UnknownTenant } from './find-tenant';
import { registerHostnames } from './hostnames.command';
import { registerImport } from './import.command';
import {
  Interrupted,
  INTERRUPTED_EXIT_CODE,
  READER_GONE_EXIT_CODE,
  ReaderGone,
} from './interruption';
import { registerInvalidate } from './invalidate.command';
import { registerJobs, UnknownJob } from './jobs.command';
import { registerKeys } from './keys.command';
import { registerMigrate } from './migrate.command';
import { registerMove } from './move.command';
import { registerOperators } from './operators.command';
import { registerReplicas } from './replicas.command';
import { registerNumbers } from './numbers.command';
import { registerSeed } from './seed.command';
import { registerServers } from './servers.command';
import { registerSources } from './sources.command';
import { registerStart } from './start.command';
import { registerTenants } from './tenants.command';
import { registerWork } from './work.command';

/** @returns the exit code. */
export async function runCli(args: readonly string[]): Promise<number> {
  const program = new Command('cloister')
    .description('A multi-tenant CRM as one GraphQL API.')
    .exitOverride();
  registerAudit(program);
  registerDoctor(program);
  registerHostnames(program);
  registerImport(program);
  registerMigrate(program);
  registerMove(program);
  registerJobs(program);
  registerKeys(program);
  registerInvalidate(program);
  registerOperators(program);
  registerServers(program);
  registerSources(program);
  registerStart(program);
  registerReplicas(program);
  registerNumbers(program);
  registerSeed(program);
  registerTenants(program);
  registerWork(program);
  try {
    await program.parseAsync(args, { from: 'user' });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode;
    if (error instanceof CommandFailure) return error.exitCode;
    if (error instanceof ReaderGone) return READER_GONE_EXIT_CODE;
    process.stderr.write(`${explain(error)}\n`);
    return error instanceof Interrupted ? INTERRUPTED_EXIT_CODE : 1;
  }
}

/** Errors whose message is the whole story: what was expected, what was got, what to do. */
const FOR_OPERATORS = [
  AddressRefused,
  ConfigError,
  ConnectionUrlError,
  DataSourceRefused,
  EmbeddedPostgresError,
  EnvelopeError,
  ExportError,
  ImportError,
  Interrupted,
  KeyProviderError,
  KeyringError,
  ListenError,
  MigrationError,
  NotConfirmed,
  ServerRefused,
  MoveError,
  RotationRefused,
  ReplicaRefused,
  TenantRefused,
  TokenKeysError,
  UnknownJob,
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
