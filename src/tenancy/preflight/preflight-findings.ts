/** What the facts mean for serving from a database, and the SQL that mends what is wrong. */
import { judgeDistribution } from './judge-distribution';
import type { JudgedServer } from './judged-server';
import type { PreflightFacts } from './preflight-facts';
import { passed, problem, type PreflightFinding } from './preflight-finding';

const OLDEST_VERSION = 13;
const SLOW_ROUND_TRIP_MS = 50;
/** A migration and somebody who looks, beside the pool. */
const SPARE_CONNECTIONS = 2;
const SHORTEST_MIGRATION_TIMEOUT_MS = 60_000;

export function judgeServer(server: JudgedServer): PreflightFinding[] {
  return [
    judgeTls(server),
    judgeVersion(server),
    judgeLatency(server),
    judgeRole(server),
    judgeOwner(server),
    judgeConnections(server),
    judgeEncoding(server),
    judgeCollation(server),
    passed('timeZone', `${server.app.timeZone}; moments are stored with theirs`),
    judgeTimeouts(server),
    judgeWritable(server),
    judgeExtensions(server),
    judgeDistribution(server),
    judgePooler(server),
    judgeSchema(server),
  ];
}

function judgeTls({ app, verifiesCertificate }: JudgedServer): PreflightFinding {
  if (app.tlsProtocol === null) {
    return problem('warning', 'tls', 'not encrypted', 'Add ?sslmode=verify-full to the URL.');
  }
  if (verifiesCertificate) return passed('tls', `${app.tlsProtocol}, certificate checked`);
  return problem(
    'warning',
    'tls',
    `${app.tlsProtocol}, certificate not checked`,
    'Use ?sslmode=verify-full where the certificate is one that public authorities signed.',
  );
}

function judgeVersion({ app }: JudgedServer): PreflightFinding {
  if (app.versionNumber >= OLDEST_VERSION * 10_000) return passed('version', app.version);
  return problem(
    'failed',
    'version',
    app.version,
    `Expected Postgres ${OLDEST_VERSION} or later: upgrade the server.`,
  );
}

function judgeLatency({ app }: JudgedServer): PreflightFinding {
  const detail = `${app.roundTripMs} ms there and back, ${app.connectMs} ms to connect`;
  if (app.roundTripMs <= SLOW_ROUND_TRIP_MS) return passed('latency', detail);
  return problem(
    'warning',
    'latency',
    detail,
    'Each query of a user takes that at least once: use a server nearer to this one.',
  );
}

function judgeRole({ app, owner }: JudgedServer): PreflightFinding {
  if (owner !== undefined && owner.role === app.role) {
    return problem(
      'failed',
      'role',
      `${app.role} is also the role that migrates`,
      'Use two roles: the one that serves requests must own nothing.',
      `create role cloister_app login password '…' ${WEAK};\ngrant connect on database ${app.databaseIdentifier} to cloister_app;`,
    );
  }
  if (app.roleFaults.length === 0) return passed('role', app.role);
  // Those alone that are at fault: on managed servers nobody may so much as name the others.
  const attributes = app.roleFaults
    .filter((fault) => fault !== 'owner')
    .map((fault) => `no${fault}`);
  const sql =
    attributes.length === 0 ? [] : [`alter role ${app.roleIdentifier} ${attributes.join(' ')};`];
  for (const role of app.ownersItIs) sql.push(`revoke ${role} from ${app.roleIdentifier};`);
  if (app.roleFaults.includes('owner') && app.ownersItIs.length === 0) {
    const heir = owner?.roleIdentifier ?? 'cloister_owner';
    sql.push(`reassign owned by ${app.roleIdentifier} to ${heir};`);
  }
  return problem(
    'failed',
    'role',
    `${app.role}: ${app.roleFaults.join(', ')}`,
    'It could step around row-level security: use a role that owns nothing and may nothing else.',
    sql.join('\n'),
  );
}

const WEAK = 'nosuperuser nobypassrls nocreaterole nocreatedb noreplication';

function judgeOwner({ app, owner }: JudgedServer): PreflightFinding {
  if (owner === undefined) {
    return passed('owner', 'none given: the customer runs the migrations');
  }
  if (owner.startedAt !== app.startedAt || owner.database !== app.database) {
    return problem(
      'failed',
      'owner',
      'the two URLs do not lead to the same database',
      'Correct one of them.',
    );
  }
  if (!owner.mayCreateSchema) {
    return problem(
      'failed',
      'owner',
      `${owner.role} may not create a schema in ${owner.database}`,
      'Let it, so that it can make the tables.',
      `grant create on database ${owner.databaseIdentifier} to ${owner.roleIdentifier};`,
    );
  }
  if (!owner.roleFaults.includes('superuser')) return passed('owner', owner.role);
  return problem(
    'warning',
    'owner',
    `${owner.role} is a superuser`,
    'Migrations need no more than a role that may create a schema.',
    `create role cloister_owner login password '…' ${WEAK};\ngrant create on database ${owner.databaseIdentifier} to cloister_owner;`,
  );
}

/** How many more connections the role may open, and what holds it to that. */
function findRoom(facts: PreflightFacts): { readonly room: number; readonly bound: string } {
  const { maxConnections, reservedConnections, connectionsInUse } = facts;
  const bounds = [
    { room: maxConnections - reservedConnections - connectionsInUse, bound: 'server' },
    ...(facts.roleConnectionLimit < 0 ? [] : [{ room: facts.roleConnectionLimit, bound: 'role' }]),
    ...(facts.databaseConnectionLimit < 0
      ? []
      : [{ room: facts.databaseConnectionLimit, bound: 'database' }]),
  ];
  return bounds.reduce((least, next) => (next.room < least.room ? next : least));
}

function judgeConnections({ app, poolMax }: JudgedServer): PreflightFinding {
  const { room, bound } = findRoom(app);
  const wanted = poolMax + SPARE_CONNECTIONS;
  const detail =
    `room for ${Math.max(room, 0)} (${app.connectionsInUse} of ${app.maxConnections} in use, ` +
    `limit of the ${bound}), ${wanted} wanted`;
  if (app.viaPooler) return passed('connections', `${detail}; the pooler's own limits not known`);
  if (room >= wanted) return passed('connections', detail);
  const sql = {
    server: `alter system set max_connections = ${app.maxConnections + wanted - room}; -- takes effect at a restart`,
    role: `alter role ${app.roleIdentifier} connection limit ${wanted};`,
    database: `alter database ${app.databaseIdentifier} connection limit ${wanted};`,
  }[bound];
  return problem(
    room < SPARE_CONNECTIONS ? 'failed' : 'warning',
    'connections',
    detail,
    'Give it more, or enrol the data source with a smaller pool.',
    sql ?? null,
  );
}

function judgeEncoding({ app }: JudgedServer): PreflightFinding {
  if (app.encoding === 'UTF8') return passed('encoding', app.encoding);
  return problem(
    'failed',
    'encoding',
    app.encoding,
    'Names of the world need UTF8: a database cannot change its encoding, so use another one.',
    `create database cloister encoding 'UTF8' template template0;`,
  );
}

function judgeCollation({ app }: JudgedServer): PreflightFinding {
  const { collation, characterType } = app;
  if (!['C', 'POSIX'].includes(characterType)) return passed('collation', collation);
  return problem(
    'warning',
    'collation',
    `${collation}, letters by ${characterType}`,
    'Searches do not find “MÜLLER” by “müller”: a database with another locale does.',
    `create database cloister encoding 'UTF8' locale 'C.UTF-8' template template0;`,
  );
}

function judgeTimeouts({ app, owner = app }: JudgedServer): PreflightFinding {
  const { statementTimeoutMs, idleSessionTimeoutMs } = owner;
  const detail = `statement_timeout ${app.statementTimeout}; we set our own for each transaction`;
  if (statementTimeoutMs > 0 && statementTimeoutMs < SHORTEST_MIGRATION_TIMEOUT_MS) {
    return problem(
      'warning',
      'timeouts',
      `statement_timeout ${owner.statementTimeout} of ${owner.role}`,
      'A migration of much data takes longer.',
      `alter role ${owner.roleIdentifier} in database ${owner.databaseIdentifier} set statement_timeout = 0;`,
    );
  }
  if (idleSessionTimeoutMs > 0 && idleSessionTimeoutMs < SHORTEST_MIGRATION_TIMEOUT_MS) {
    return problem(
      'warning',
      'timeouts',
      `idle_session_timeout ${idleSessionTimeoutMs} ms`,
      'Connections are cut while they wait for the next request.',
      `alter role ${app.roleIdentifier} in database ${app.databaseIdentifier} set idle_session_timeout = 0;`,
    );
  }
  return passed('timeouts', detail);
}

function judgeWritable({ app }: JudgedServer): PreflightFinding {
  if (app.standby) {
    return problem('failed', 'writable', 'a standby', 'Give the URL of the primary server.');
  }
  if (!app.readOnly) return passed('writable', 'yes');
  return problem(
    'failed',
    'writable',
    'transactions are read-only',
    'Let the role write.',
    `alter role ${app.roleIdentifier} in database ${app.databaseIdentifier} set default_transaction_read_only = off;`,
  );
}

function judgeExtensions({ app, owner }: JudgedServer): PreflightFinding {
  const list = app.extensions.join(', ');
  const lacking = app.lackingExtensions;
  if (lacking.length > 0 && owner?.mayCreateExtensions !== true) {
    return problem(
      owner === undefined ? 'warning' : 'failed',
      'extensions',
      `the search needs ${lacking.join(' and ')}, which ${owner === undefined ? 'whoever migrates has to create' : 'the owner cannot create'}; there: ${list}`,
      'Create them as a superuser, in this database, before the migration.',
      lacking.map((name) => `create extension ${name};`).join(' '),
    );
  }
  const coming = lacking.length > 0 ? `the migration creates ${lacking.join(' and ')}; ` : '';
  return passed('extensions', `${coming}there: ${list}`);
}

function judgePooler({ app, namedStatements }: JudgedServer): PreflightFinding {
  if (!app.viaPooler) return passed('pooler', 'none');
  if (namedStatements === true) return passed('pooler', 'one that carries prepared statements');
  return problem(
    'warning',
    'pooler',
    namedStatements === false
      ? 'one that does not carry prepared statements'
      : 'one of which it is not known whether it carries prepared statements',
    'Enrol the data source without named statements, or use PgBouncer 1.21 or later with max_prepared_statements.',
  );
}

function judgeSchema({ app, owner }: JudgedServer): PreflightFinding {
  if (app.migrationsAreThere) return passed('schema', 'there, of this or another version');
  if (app.schemaIsThere) {
    return problem(
      'failed',
      'schema',
      'a schema "cloister" that is not ours',
      'Rename it or use another database.',
      'alter schema cloister rename to cloister_before;',
    );
  }
  if (owner !== undefined) return passed('schema', 'none yet: it is made at enrolment');
  return problem(
    'failed',
    'schema',
    'none yet, and no URL of an owner',
    'Give the owner’s URL as well, or let the owner run `KNEX_URL=… npx knex --env tenant migrate:latest`.',
    `create role cloister_owner login password '…' ${WEAK};\ngrant create on database ${app.databaseIdentifier} to cloister_owner;`,
  );
}
