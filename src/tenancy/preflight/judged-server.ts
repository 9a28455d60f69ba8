import type { PreflightFacts } from './preflight-facts';

/** What was found of a server that is to serve tenants, over each of its two connections. */
export interface JudgedServer {
  /** To the role that is to serve requests. */
  readonly app: PreflightFacts;
  /** To the role that is to migrate; absent where the customer does. */
  readonly owner: PreflightFacts | undefined;
  /** Whether the pooler before it carries prepared statements; undefined where it is not known. */
  readonly namedStatements: boolean | undefined;
  /** Whether the URL has the certificate checked. */
  readonly verifiesCertificate: boolean;
  readonly poolMax: number;
}
