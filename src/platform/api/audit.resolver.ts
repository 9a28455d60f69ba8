/** `verifyAudit`: whether the audit log is as it was written. */
import { Float, registerEnumType, type ClassType } from 'type-graphql';
import {
  defineObjectType,
  type FieldDeclaration,
  type TypeReference,
} from '../../graphql/define-type';
import { defineResolver } from '../../graphql/define-resolver';
import { DateTimeScalar } from '../../graphql/scalars';
import { AUDIT_FAULTS } from '../audit/audit-fault';
import { signCheckpoint, verifyAudit } from '../audit/verify-audit';
import type { PlatformContext } from './platform-context';
import type { SchemaParts } from './schema-parts';

const field = (type: TypeReference, description: string): FieldDeclaration => ({
  type: () => type,
  description,
});
const orNull = (type: TypeReference, description: string): FieldDeclaration => ({
  ...field(type, description),
  nullable: true,
});

export function defineAuditResolver({ resolvers }: SchemaParts): ClassType {
  const kinds = Object.fromEntries(Object.keys(AUDIT_FAULTS).map((kind) => [kind, kind]));
  registerEnumType(kinds, {
    name: 'AuditFaultKind',
    description: 'What is wrong with the audit log.',
    valuesConfig: Object.fromEntries(
      Object.entries(AUDIT_FAULTS).map(([kind, description]) => [kind, { description }]),
    ),
  });
  const fault = defineObjectType(
    'AuditFault',
    {
      kind: field(kinds, 'What is wrong.'),
      position: orNull(Float, 'Where in the chain, counted from 1.'),
      message: field(String, 'The same in words.'),
    },
    { description: 'The first thing that is wrong with the audit log.' },
  );
  const verdict = defineObjectType(
    'VerifyAuditPayload',
    {
      intact: field(Boolean, 'Whether every entry is as it was written.'),
      position: field(Float, 'Entries found in order.'),
      hash: field(
        String,
        'The chain’s hash at the last of them: note it where nobody can change it.',
      ),
      fault: orNull(fault, 'The first thing that is wrong.'),
      checkpointPosition: orNull(Float, 'How many entries the last signed checkpoint vouches for.'),
      checkpointAt: orNull(DateTimeScalar, 'When it was signed.'),
    },
    { description: 'Whether the audit log is as it was written.' },
  );
  return defineResolver<PlatformContext>(
    { type: verdict, name: 'VerifyAuditPayload' },
    resolvers,
    (builder) => {
      builder.mutation<object>({
        name: 'verifyAudit',
        returns: () => verdict,
        description:
          'Computes the chain of the audit log anew, finds the first entry that was tampered with, and signs a checkpoint when there is none.',
        extensions: { rule: 'operator' },
        resolve: async (_source, _args, { registryDb, auditSeal }) => {
          const found = await verifyAudit(registryDb, auditSeal);
          if (found.intact) await signCheckpoint(registryDb, auditSeal);
          return found;
        },
      });
    },
  );
}
