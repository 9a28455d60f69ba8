import type { Command } from 'commander';
import { HOUR } from '../lib/duration';
import { MoveError } from '../tenancy/move/move-error';
import {
  finishMoves,
  KEEP_SOURCE_MS,
  listMoves,
  moveTenant,
  resumeMove,
  rollBackMove,
  type MoveRun,
} from '../tenancy/move/move-tenant';
import type { MoveRow } from '../tenancy/move/moves.store';
import { getTenantBySlug } from './find-tenant';
import { createMoveProgress } from './move-progress';
import { formatTable } from './table';
import { withTenancy, type CommandContext } from './with-tenancy';

interface MoveOptions {
  readonly to?: string;
  readonly tenantIdInDataSource?: string;
  readonly keepHours: string;
  readonly status?: boolean;
  readonly resume?: boolean;
  readonly rollback?: boolean;
  readonly finish?: boolean;
}

const ACTOR = 'command-line';

export function registerMove(program: Command): void {
  program
    .command('move <tenant>')
    .description('Moves a tenant to another data source while it works.')
    .option('--to <data source>', 'where to')
    .option('--tenant-id-in-data-source <uuid>', 'what the tenant is to be called there')
    .option(
      '--keep-hours <hours>',
      'how long the source is kept as the way back, at most 168',
      String(KEEP_SOURCE_MS / HOUR),
    )
    .option('--status', 'shows the moves of the tenant')
    .option('--resume', 'goes on with a move that was interrupted')
    .option('--rollback', 'takes a move back: before the switch at once, after it by moving back')
    .option('--finish', 'removes the rows that are kept where the tenant was')
    .action((slug: string, options: MoveOptions) => move(slug, options));
}

async function move(slug: string, options: MoveOptions): Promise<void> {
  const wanted = [
    options.to !== undefined,
    options.status,
    options.resume,
    options.rollback,
    options.finish,
  ].filter(Boolean).length;
  if (wanted !== 1) {
    throw new MoveError('Expected one of --to, --status, --resume, --rollback and --finish.');
  }
  await withTenancy(async (context) => {
    const { tenancy, say, signal } = context;
    const tenant = await getTenantBySlug(tenancy.registry, slug);
    const run = { tenantId: tenant.id, actor: ACTOR, signal };
    if (options.status === true) return showMoves(context, tenant.id);
    if (options.finish === true) {
      const finished = await finishMoves(tenancy, run);
      say(
        finished.length === 0
          ? `Nothing of "${slug}" is kept anywhere.`
          : `What was kept of "${slug}" is removed from ${await namesOf(context, finished)}.`,
      );
      return;
    }
    const moved = await shown(run, (watched) => start(context, watched, options));
    say(await outcomeOf(context, slug, moved));
  });
}

async function start(
  { tenancy }: CommandContext,
  run: MoveRun,
  options: MoveOptions,
): Promise<MoveRow> {
  if (options.resume === true) return resumeMove(tenancy, run);
  if (options.rollback === true) return rollBackMove(tenancy, run);
  const target = await tenancy.registry.findDataSourceByName(options.to ?? '');
  if (target === undefined) {
    throw new MoveError(
      `There is no data source "${options.to ?? ''}": \`cloister sources list\` shows those there are.`,
    );
  }
  return moveTenant(tenancy, {
    ...run,
    targetDataSourceId: target.id,
    tenantIdInDataSource: options.tenantIdInDataSource,
    keepSourceMs: Number(options.keepHours) * HOUR,
  });
}

async function shown(run: MoveRun, work: (run: MoveRun) => Promise<MoveRow>): Promise<MoveRow> {
  // Apart from the command's answer, which may be piped on.
  const display = createMoveProgress(process.stderr);
  try {
    return await work({ ...run, onProgress: (progress) => display.update(progress) });
  } finally {
    display.stop();
  }
}

async function namesOf({ tenancy }: CommandContext, moves: readonly MoveRow[]): Promise<string> {
  const sources = await tenancy.registry.listDataSources();
  return moves
    .map(({ sourceId }) => sources.find(({ id }) => id === sourceId)?.name ?? '(gone)')
    .join(', ');
}

async function outcomeOf(context: CommandContext, slug: string, moved: MoveRow): Promise<string> {
  const sources = await context.tenancy.registry.listDataSources();
  const nameOf = (id: string): string =>
    sources.find((source) => source.id === id)?.name ?? '(gone)';
  if (moved.phase === 'rolled_back') {
    return `"${slug}" stays in ${nameOf(moved.sourceId)}; what was copied to ${nameOf(moved.targetId)} is removed.`;
  }
  const kept = new Date((moved.switchedAt ?? new Date()).getTime() + moved.keepSeconds * 1000);
  return [
    `"${slug}" is in ${nameOf(moved.targetId)} now: ${moved.rowsCopied} rows copied, ${moved.changesApplied} changes followed, ` +
      `writes waited ${moved.pauseMs ?? 0} ms.`,
    `What is in ${nameOf(moved.sourceId)} is kept until ${kept.toISOString()}: \`cloister move ${slug} --rollback\` leads back, ` +
      `\`cloister move ${slug} --finish\` removes it.`,
  ].join('\n');
}

async function showMoves({ tenancy, say }: CommandContext, tenantId: string): Promise<void> {
  const [moves, sources] = await Promise.all([
    listMoves(tenancy, tenantId),
    tenancy.registry.listDataSources(),
  ]);
  const nameOf = (id: string): string =>
    sources.find((source) => source.id === id)?.name ?? '(gone)';
  const timeOf = (date: Date | null): string => date?.toISOString() ?? '';
  say(
    formatTable(
      ['FROM', 'TO', 'PHASE', 'ROWS', 'CHANGES', 'PAUSE', 'STARTED', 'SWITCHED', 'FAILURE'],
      moves.map((found) => [
        nameOf(found.sourceId),
        nameOf(found.targetId),
        found.phase,
        `${found.rowsCopied}/${found.rowsTotal}`,
        String(found.changesApplied),
        found.pauseMs === null ? '' : `${found.pauseMs} ms`,
        timeOf(found.startedAt),
        timeOf(found.switchedAt),
        found.failure ?? '',
      ]),
    ),
  );
}
