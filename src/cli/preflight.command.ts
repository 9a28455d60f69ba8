/** `cloister sources preflight`: looks at a database that is not enrolled yet. */
import { Option, type Command } from 'commander';
import {
  dataSourcePreflight,
  type PreflightReport,
} from '../tenancy/preflight/data-source-preflight';
import type { PreflightFinding } from '../tenancy/preflight/preflight-finding';
import { PLACEMENTS, type Placement } from '../tenancy/registry.store';
import { CommandFailure } from './command-failure';
import { createPrompt } from './prompt';
import { readSourceUrls } from './source-urls';
import { wholeNumber } from './whole-number';
import { withTenancy } from './with-tenancy';

interface PreflightOptions {
  readonly placement: Placement;
  readonly poolMax?: number;
  readonly json?: boolean;
}

const MOST_CONNECTIONS = 1000;

export function registerPreflight(sources: Command): void {
  sources
    .command('preflight')
    .description(
      'Looks at a database before it is enrolled, and says what mends it. Changes nothing.',
    )
    .addOption(
      new Option('--placement <placement>', 'who is to use it')
        .choices(PLACEMENTS)
        .makeOptionMandatory(),
    )
    .option(
      '--pool-max <connections>',
      'connections each server process is to open',
      wholeNumber(1, MOST_CONNECTIONS),
    )
    .option('--json', 'for machines')
    .addHelpText(
      'after',
      '\nThe URLs are read from CLOISTER_SOURCE_URL (the run-time role) and\n' +
        'CLOISTER_SOURCE_MIGRATION_URL (the owner; empty where the owner migrates), or asked for.',
    )
    .action((options: PreflightOptions) => preflight(options));
}

async function preflight({ placement, poolMax, json = false }: PreflightOptions): Promise<void> {
  const prompt = createPrompt();
  try {
    const urls = await readSourceUrls(prompt, 'if the owner migrates');
    await withTenancy(async ({ tenancy, say }) => {
      const report = await dataSourcePreflight(tenancy, {
        placement,
        ...urls,
        ...(poolMax === undefined ? {} : { poolMax }),
      });
      if (json) say(JSON.stringify(report, null, 2));
      else print(say, report);
      if (!report.ok) throw new CommandFailure();
    });
  } finally {
    prompt.close();
  }
}

const MARKS: Readonly<Record<PreflightFinding['status'], string>> = {
  passed: 'ok   ',
  warning: 'warn ',
  failed: 'FAIL ',
};

function print(say: (line: string) => void, { findings, ok }: PreflightReport): void {
  for (const { check, status, detail, remedy, sql } of findings) {
    say(`${MARKS[status]} ${check.padEnd(12)} ${detail}`);
    if (remedy !== null) say(`        ${remedy}`);
    for (const line of sql?.split('\n') ?? []) say(`          ${line}`);
  }
  say(ok ? 'It can be enrolled.' : 'It cannot be enrolled like this.');
}
