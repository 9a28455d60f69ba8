import { randomBytes } from 'node:crypto';
import type { Command } from 'commander';
import { parseTokenKeys } from '../auth/token-keys';
import { parseConnectionUrl } from '../database/connection-url';
import { findKeyUse, listNeeding, openAll, type KeyUse } from '../tenancy/secrets/key-use';
import { generateKey } from '../tenancy/secrets/keyring';
import { rotateKeys } from '../tenancy/secrets/rotate-keys';
import type { Tenancy } from '../tenancy/tenancy';
import { CommandFailure } from './command-failure';
import { createRotationProgress } from './rotation-progress';
import { formatTable } from './table';
import { withTenancy, type CommandContext } from './with-tenancy';

interface GenerateOptions {
  readonly id?: string;
  readonly all?: true;
}

const SECRET_BYTES = 32;
const secret = (): string => randomBytes(SECRET_BYTES).toString('hex');
/** Of what needs a key, this many are named. */
const NAMED = 10;

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
    .command('status')
    .description('Says which master keys are needed, and by what; opens nothing.')
    .option('--without <id>', 'fail while anything needs this key: ask before it is struck off')
    .action(({ without }: { without?: string }) =>
      withTenancy((context) => status(context, without)),
    );
  keys
    .command('check')
    .description('Says whether the configured keys open every sealed value of the registry.')
    .action(() => withTenancy(check));
  keys
    .command('rotate')
    .description('Seals everything anew with the master key that is first now, while it is served.')
    .option('--data-keys', 'also give every owner a new data key, and seal its values with that')
    .action(({ dataKeys }: { dataKeys?: true }) =>
      withTenancy((context) => rotate(context, dataKeys === true)),
    );
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

async function status({ tenancy, say }: CommandContext, without?: string): Promise<void> {
  const use = await findKeyUse(tenancy);
  sayUse(use, tenancy, say);
  let failed = await sayMissing(use, tenancy, say);
  if (without !== undefined) {
    const needed = use.masterKeys.filter(({ masterKeyId }) => masterKeyId === without);
    if (needed.some(({ seals }) => seals)) {
      say(`${without} seals: put another key before it first.`);
      failed = true;
    }
    for (const key of needed.filter(({ dataKeys, values }) => dataKeys + values > 0)) {
      say(`Still needed: ${without}, by ${await namesOf(tenancy, key)}.`);
      failed = true;
    }
    if (!failed) say(`Nothing needs ${without}: it may be struck off.`);
  }
  if (failed) throw new CommandFailure();
}

function sayUse(use: KeyUse, { keys: { masterKeys } }: Tenancy, say: (line: string) => void): void {
  for (const { name, keyIds } of masterKeys.providers) {
    const seals = name === use.active.provider ? `; ${use.active.masterKeyId} seals` : '';
    say(`${VARIABLES[name]} holds ${keyIds.join(', ')}${seals}.`);
  }
  say(
    formatTable(
      ['MASTER KEY', 'PROVIDER', 'DATA KEYS', 'SEALED DIRECTLY', 'STATE'],
      use.masterKeys.map((key) => [
        key.masterKeyId,
        key.provider,
        String(key.dataKeys),
        String(key.values),
        stateOf(key),
      ]),
    ),
  );
  if (use.renewing)
    say('A change of data keys was interrupted: `cloister keys rotate` finishes it.');
}

const VARIABLES = {
  local: 'REGISTRY_KEYS',
  'aws-kms': 'REGISTRY_KMS_KEYS',
  vault: 'REGISTRY_VAULT_KEYS',
} as const;

function stateOf({ seals, held, dataKeys, values }: KeyUse['masterKeys'][number]): string {
  if (!held) return 'MISSING: put it back';
  if (seals) return values > 0 ? 'seals; `keys rotate` puts data keys between' : 'seals';
  return dataKeys + values > 0 ? 'needed until `keys rotate`' : 'may be struck off';
}

async function sayMissing(
  { masterKeys }: KeyUse,
  tenancy: Tenancy,
  say: (line: string) => void,
): Promise<boolean> {
  const missing = masterKeys.filter(({ held }) => !held);
  for (const key of missing) {
    say(`MISSING  ${key.masterKeyId} (${key.provider}), for ${await namesOf(tenancy, key)}.`);
  }
  return missing.length > 0;
}

async function namesOf(tenancy: Tenancy, key: KeyUse['masterKeys'][number]): Promise<string> {
  const names = await listNeeding(tenancy, key, NAMED);
  const more = key.dataKeys + key.values - NAMED;
  return names.length === NAMED && more > 0
    ? `${names.join(', ')} and ${more} more`
    : names.join(', ');
}

async function check({ config, tenancy, say }: CommandContext): Promise<void> {
  const { signing } = parseTokenKeys(config.auth.jwtKeys);
  sayUse(await findKeyUse(tenancy), tenancy, say);
  say(`AUTH_JWT_KEYS: ${signing.kid} signs (${signing.algorithm}).`);
  const { values, dataKeys, faults } = await openAll(tenancy);
  for (const { what, detail } of faults) say(`FAIL  ${what}: ${detail}`);
  if (faults.length > 0) throw new CommandFailure();
  say(`All ${values} sealed values and ${dataKeys} data keys open.`);
}

async function rotate(
  { config, tenancy, say, signal }: CommandContext,
  renewDataKeys: boolean,
): Promise<void> {
  const display = createRotationProgress(process.stderr);
  const startedAt = performance.now();
  const report = await rotateKeys(tenancy, parseConnectionUrl(config.registry.url), {
    renewDataKeys,
    signal,
    onProgress: (progress) => display.update(progress),
  }).finally(() => display.stop());
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  const { dataKeysMade, valuesResealed, dataKeysResealed, dataKeysDestroyed, faults } = report;
  if (renewDataKeys) say(`${dataKeysMade} new data keys were made.`);
  say(`${valuesResealed} values were sealed anew with their owners’ data keys.`);
  say(`${dataKeysResealed} data keys were sealed anew with ${report.masterKeyId}.`);
  if (dataKeysDestroyed > 0)
    say(`${dataKeysDestroyed} data keys that nothing uses were destroyed.`);
  for (const { what, detail } of faults) say(`FAIL  ${what}: ${detail}`);
  if (faults.length > 0) {
    say('What failed is as it was: mend it, and run this again before a key is struck off.');
    throw new CommandFailure();
  }
  say(`Done in ${seconds} s. \`cloister keys status\` says which keys may be struck off.`);
}
