/** The rule that imports go downward only, tried on lines that break it. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { join } from 'node:path';

interface Finding {
  readonly rule: string | null;
  readonly message: string;
}

interface Snippet {
  readonly file: string;
  readonly code: string;
}

const RUN = promisify(execFile);
const ROOT = join(__dirname, '../..');

/**
 * Lints snippets as if each stood in the file named. In a process of its own: ESLint's configuration
 * is an ES module, which Jest cannot load. Types are left out, for snippets belong to no project.
 */
const SCRIPT = `
  const { ESLint } = require('eslint');
  const eslint = new ESLint({
    overrideConfig: [{ languageOptions: { parserOptions: { projectService: false } } }],
    ruleFilter: ({ ruleId }) => ruleId.startsWith('boundaries/') || ruleId === 'no-restricted-properties',
  });
  const lint = async ({ file, code }) => {
    const [result] = await eslint.lintText(code, { filePath: file });
    return result.messages.map(({ ruleId, message }) => ({ rule: ruleId, message }));
  };
  Promise.all(JSON.parse(process.argv[1]).map(lint)).then((found) => console.log(JSON.stringify(found)));
`;

async function lint(snippets: readonly Snippet[]): Promise<Finding[][]> {
  const { stdout } = await RUN(process.execPath, ['-e', SCRIPT, JSON.stringify(snippets)], {
    cwd: ROOT,
  });
  return JSON.parse(stdout) as Finding[][];
}

const REFUSED: readonly (readonly [why: string, file: string, code: string, message: RegExp])[] = [
  ['a leaf imports', 'src/lib/x.ts', "import { AppError } from '../errors';", /lib imports errors/],
  [
    'auth imports upward',
    'src/auth/x.ts',
    "import type { Tenancy } from '../tenancy/tenancy';",
    /auth imports tenancy/,
  ],
  [
    'auth knows GraphQL',
    'src/auth/x.ts',
    "import { graphql } from 'graphql';",
    /package graphql is not/,
  ],
  ['auth knows a driver', 'src/auth/x.ts', "import pg from 'pg';", /package pg is not/],
  [
    'the configuration is read anywhere',
    'src/auth/x.ts',
    "import { readEnvironment } from '../config';",
    /Only the types/,
  ],
  [
    'a kind imports a kind',
    'src/crm/account/x.ts',
    "import { contact } from '../contact/contact.kind';",
    /kind imports kind/,
  ],
  [
    'a kind imports the list of kinds',
    'src/crm/account/x.ts',
    "import { kinds } from '../kinds';",
    /kind imports kinds/,
  ],
  [
    'the mechanism knows a kind',
    'src/crm/kind/x.ts',
    "import { account } from '../account/account.kind';",
    /mechanism imports kind/,
  ],
  [
    'a kind reaches for tenancy',
    'src/crm/account/x.ts',
    "import type { Tenancy } from '../../tenancy/tenancy';",
    /kind imports tenancy/,
  ],
  [
    'a kind reaches for a driver',
    'src/crm/account/x.ts',
    "import { Pool } from 'pg';",
    /package pg is not/,
  ],
  [
    'the mechanism reaches for Knex',
    'src/crm/kind/x.ts',
    "import type { Knex } from 'knex';",
    /package knex is not/,
  ],
  [
    'a kind makes a context',
    'src/crm/account/x.ts',
    "import { createContextFactory } from '../../request/create-context';",
    /kind imports request/,
  ],
  [
    'a context is more than a type',
    'src/graphql/x.ts',
    "import { RequestContext } from '../request/context';",
    /Only the types/,
  ],
  [
    'GraphQL knows HTTP',
    'src/graphql/x.ts',
    "import { ApolloServer } from '@apollo/server';",
    /package @apollo\/server is not/,
  ],
  [
    'tenancy knows GraphQL',
    'src/tenancy/x.ts',
    "import { GraphQLError } from 'graphql';",
    /package graphql is not/,
  ],
  [
    'the server starts a database',
    'src/server/x.ts',
    "import { startEmbeddedPostgres } from '../embedded/embedded-postgres';",
    /server imports embedded/,
  ],
  [
    'something re-exports what is above',
    'src/graphql/x.ts',
    "export * from '../main';",
    /graphql imports start/,
  ],
  [
    'something imports what is above late',
    'src/graphql/x.ts',
    "void import('../main');",
    /graphql imports start/,
  ],
  [
    'a migration uses the code around it',
    'migrations/tenant/x.ts',
    "import type { AppError } from '../../src/errors';",
    /migrations imports errors/,
  ],
  [
    'a migration uses a package',
    'migrations/tenant/x.ts',
    "import { uuidv7 } from 'uuidv7';",
    /nothing but the types of knex/,
  ],
  [
    'a folder has no place among the layers',
    'src/billing/x.ts',
    'export const x = 1;',
    /does not match any file pattern/,
  ],
  [
    'the environment is read anywhere',
    'src/server/x.ts',
    "export const x = process.env['PORT'];",
    /Only src\/config reads the environment/,
  ],
];

const ALLOWED: readonly (readonly [file: string, code: string])[] = [
  ['src/crm/account/x.ts', "import { account } from './account.kind';"],
  ['src/crm/account/x.ts', "import { defineKind } from '../kind/kind';"],
  ['src/crm/account/x.ts', "import type { RequestContext } from '../../request/context';"],
  ['src/crm/kinds.ts', "import { account } from './account/account.kind';"],
  ['src/auth/x.ts', "import type { Config } from '../config';"],
  ['src/server/x.ts', "import { ApolloServer } from '@apollo/server';"],
  ['src/main.ts', "import { createApplication } from './application';"],
  ['src/config.ts', "export const x = process.env['PORT'];"],
  ['migrations/tenant/x.ts', "import type { Knex } from 'knex';"],
];

let refused: Finding[][];
let allowed: Finding[][];
beforeAll(async () => {
  const snippets = [...REFUSED.map(([, file, code]) => ({ file, code }))];
  const found = await lint([...snippets, ...ALLOWED.map(([file, code]) => ({ file, code }))]);
  refused = found.slice(0, REFUSED.length);
  allowed = found.slice(REFUSED.length);
});

it.each(REFUSED.map(([why, , , message], index) => [why, message, index] as const))(
  'is an error when %s',
  (_, message, index) => {
    expect(refused[index]?.map((finding) => finding.message)).toEqual([
      expect.stringMatching(message),
    ]);
  },
);

it('leaves imports that go downward alone', () => {
  expect(allowed).toEqual(ALLOWED.map(() => []));
});
