import { randomBytes } from 'node:crypto';
import type { Command } from 'commander';
import { parseTokenKeys } from '../auth/token-keys';
import { findKeyUse } from '../tenancy/secrets/key-use';
import { generateKey } from '../tenancy/secrets/keyring';
import { CommandFailure } from './command-failure';
import { withTenancy, type CommandContext } from './with-tenancy';

interface GenerateOptions {
  readonly id?: string;
  readonly all?: true;
}

const SECRET_BYTES = 32;
const secret = (): string => randomBytes(SECRET_BYTES).toString('hex');

export function registerKeys(program: Command): void {
  const keys = program.command('keys').description('The keys that seal the registry’s secrets.');
  keys
    .command('generate')
    .description('Prints a fresh entry for REGISTRY_KEYS.')
    .option('--id <id>', 'what the key is called; today’s date unless given')
    .option('--all', 'print every secret that REGISTRY_URL requires, as lines for .env')
    .action(({ id, all }: GenerateOptions) => {
      process.stdout.write(`${all === true ? generateAll(id) : generateKey(checkedId(id))}\n`);
    });
  keys
    .command('check')
    .description('Says whether the configured keys open every sealed value of the registry.')
    .action(() => withTenancy(check));
}

/** The variables of REQUIRED_WITH_REGISTRY. */
function generateAll(id = 'k1'): string {
  return [
    `REGISTRY_KEYS=${generateKey(checkedId(id))}`,
    `AUTH_JWT_KEYS=j1:${secret()}`,
    `EMAIL_INDEX_KEY=${secret()}`,
    `CURSOR_KEY=${secret()}`,
  ].join('\n');
}

function checkedId(id: string | undefined): string | undefined {
  if (id === undefined || /^[A-Za-z0-9_-]{1,32}$/.test(id)) return id;
  process.stderr.write('--id: expected at most 32 letters, digits, _ and -.\n');
  throw new CommandFailure();
}

async function check({ config, tenancy, say }: CommandContext): Promise<void> {
  const { keyring, registry } = tenancy;
  const { signing } = parseTokenKeys(config.auth.jwtKeys);
  const use = findKeyUse(await registry.listDataSources(), keyring);
  say(`REGISTRY_KEYS holds ${keyring.keyIds.join(', ')}; ${keyring.activeKeyId} seals.`);
  for (const [keyId, values] of use.valuesByKeyId)
    say(`  ${keyId}: ${values} sealed value(s) need it`);
  for (const keyId of use.idleKeyIds) say(`  ${keyId}: nothing needs it, so it may be retired`);
  say(`AUTH_JWT_KEYS: ${signing.kid} signs (${signing.algorithm}).`);
  for (const { dataSource, column, detail } of use.faults)
    say(`FAIL  ${dataSource}.${column}: ${detail}`);
  if (use.faults.length > 0) throw new CommandFailure();
  say(`All ${use.values} sealed values open.`);
}
