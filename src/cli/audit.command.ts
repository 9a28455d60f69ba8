import { InvalidArgumentError, type Command } from 'commander';
import { createAuditSeal, type ChainPlace } from '../platform/audit/audit-seal';
import { signCheckpoint, verifyAudit, type AuditVerdict } from '../platform/audit/verify-audit';
import { CommandFailure } from './command-failure';
import { withTenancy } from './with-tenancy';

const PLACE = /^(\d{1,15}):([0-9a-f]{64})$/;

const place = (text: string): ChainPlace => {
  const [, position, hash] = PLACE.exec(text) ?? [];
  if (position === undefined || hash === undefined) {
    throw new InvalidArgumentError(
      'Expected <position>:<hash>, as an earlier verification printed it.',
    );
  }
  return { position: Number(position), hash: Buffer.from(hash, 'hex') };
};

export function registerAudit(program: Command): void {
  program
    .command('audit')
    .description('The log of changes to the registry.')
    .command('verify')
    .description(
      'Computes the chain of the audit log anew and finds the first entry tampered with.',
    )
    .option('--expect <place>', 'a place noted earlier, which must still be there', place)
    .addHelpText(
      'after',
      '\nNote the place that it prints where nobody who can write the registry can: entries that are\n' +
        'removed together with everything in the database that remembers them show by it alone.',
    )
    .action(({ expect: expected }: { readonly expect?: ChainPlace }) =>
      withTenancy(async ({ config, tenancy: { registryDb }, say }) => {
        const seal = createAuditSeal(config.auth.emailIndexKey);
        const verdict = await verifyAudit(
          registryDb,
          seal,
          expected === undefined ? {} : { expected },
        );
        say(describe(verdict));
        if (!verdict.intact) throw new CommandFailure();
        // Of a log that is as it should be: from now on this much of it is vouched for.
        await signCheckpoint(registryDb, seal);
      }),
    );
}

function describe({
  fault,
  position,
  hash,
  checkpointPosition,
  checkpointAt,
}: AuditVerdict): string {
  const vouched =
    checkpointPosition === null
      ? 'No checkpoint was signed before.'
      : `The last checkpoint before vouches for ${checkpointPosition} of them (${checkpointAt?.toISOString() ?? ''}).`;
  if (fault === null) {
    return `The audit log is intact: ${position} entries. ${vouched}\nPlace: ${position}:${hash}`;
  }
  const where = [
    ...(fault.position === null ? [] : [`place ${fault.position}`]),
    ...(fault.entryId === null ? [] : [`entry ${fault.entryId}`]),
  ].join(', ');
  return `The audit log was tampered with: ${fault.kind} at ${where}.\n${fault.message}\nIn order before it: ${position} entries. ${vouched}`;
}
