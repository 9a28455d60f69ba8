import type { Knex } from 'knex';
import type { OperatorPrincipal } from '../../auth/operator-principal';
import type { CursorCodec } from '../../database/cursors';
import type { LoaderCache } from '../../request/context';
import type { Tenancy } from '../../tenancy/tenancy';
import type { AuditSeal } from '../audit/audit-seal';
import type { OperatorAuth } from '../operators/operator-auth';
import type { Operators } from '../operators/operators.service';
import type { PlatformServices } from './platform-services';

/** What an operator's request may use: the same for all requests, but for who sends it. */
export interface PlatformParts {
  readonly registryDb: Knex;
  readonly tenancy: Tenancy;
  readonly cursors: CursorCodec;
  readonly auth: OperatorAuth;
  readonly operators: Operators;
  readonly auditSeal: AuditSeal;
  readonly services: PlatformServices;
}

/** Made for one request to the operators' API and thrown away with it. */
export interface PlatformContext extends PlatformParts {
  readonly requestId: string;
  /** Absent for anonymous requests; root fields with a rule never run then. */
  readonly principal: OperatorPrincipal | undefined;
  /** What the audit log calls whoever sends the request. @throws UNAUTHENTICATED when anonymous. */
  readonly actor: string;
  readonly loaders: LoaderCache;
  readonly remoteAddress: string;
  readonly userAgent: string;
  /** Aborted when the client goes away or the deadline passes. */
  readonly signal: AbortSignal;
  /** Nothing is held that would have to be given back. */
  end(): Promise<void>;
}
