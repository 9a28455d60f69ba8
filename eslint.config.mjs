/**
 * What is refused, beside what the compiler refuses: first who may import whom, then the rules for
 * code. Formatting is Prettier's business and no rule's.
 */
import boundaries from 'eslint-plugin-boundaries';
import tseslint from 'typescript-eslint';

/**
 * The layers of the house, top to bottom: [name, its files, the layers it may import]. Imports go
 * downward only; a file that belongs to no layer is refused, so that a new folder takes its place here.
 */
const LAYERS = [
  ['start', ['src/main.ts', 'src/application.ts', 'src/demo*.ts', 'src/cli/*.ts'], '*'],
  ['knexfile', ['knexfile.ts'], ['config', 'database']],
  ['seeds', ['seeds/**'], ['kinds', 'mechanism', 'tenancy', 'auth', 'database', 'lib']],
  // The server of the development mode: started by `start` and by tests, known to nobody else.
  ['embedded', ['src/embedded/**'], ['database', 'errors', 'lib']],
  ['server', ['src/server/**'], ['graphql', 'context', 'auth', 'database', 'errors', 'lib']],
  [
    'import',
    ['src/import/**'],
    ['kinds', 'mechanism', 'tenancy', 'auth', 'database', 'errors', 'lib'],
  ],
  ['platform', ['src/platform/**'], ['graphql', 'context', 'tenancy', 'auth', 'errors', 'lib']],
  // What lists the kinds; they know each other by name only, and meet here.
  ['kinds', ['src/crm/*.ts'], ['mechanism', 'kind', 'graphql', 'errors', 'lib']],
  ['mechanism', ['src/crm/kind/**'], ['graphql', 'context', 'auth', 'database', 'errors', 'lib']],
  ['kind', ['src/crm/*/**'], ['mechanism', 'graphql', 'context', 'auth', 'errors', 'lib']],
  ['graphql', ['src/graphql/**'], ['context', 'auth', 'errors', 'lib']],
  // Types only: all that a resolver sees of a request. The code that makes one is below `start` alone.
  ['context', ['src/request/context.ts'], ['tenancy', 'auth', 'database']],
  ['request', ['src/request/**'], ['context', 'tenancy', 'auth', 'database', 'errors', 'lib']],
  ['tenancy', ['src/tenancy/**'], ['auth', 'database', 'errors', 'lib']],
  ['auth', ['src/auth/**'], ['database', 'errors', 'lib']],
  ['database', ['src/database/**'], ['errors', 'lib']],
  ['migrations', ['migrations/**'], []],
  ['config', ['src/config.ts'], []],
  ['errors', ['src/errors.ts'], []],
  ['lib', ['src/lib/**'], []],
];

/** Layers that get values of the configuration's module; the others get its types. */
const READS_CONFIG = ['start', 'knexfile'];

const GRAPHQL = ['graphql', 'graphql-*', 'type-graphql', '@apollo/*'];
const POSTGRES = ['pg', 'pg-*', 'knex'];
const HTTP = ['fastify', '@fastify/*', '@as-integrations/*'];

/** Packages that a layer must not know, and why. */
const FOREIGN_PACKAGES = [
  [['kinds', 'mechanism', 'kind'], POSTGRES, 'A kind reaches its data through ctx.session alone.'],
  [['graphql', 'context', 'server'], POSTGRES, 'Only `database`, `tenancy` and `embedded` open connections.'],
  [['auth'], [...GRAPHQL, ...POSTGRES], 'Authentication knows neither GraphQL nor a driver.'],
  [['tenancy', 'database', 'lib', 'errors', 'embedded'], GRAPHQL, 'Below `graphql` nobody knows GraphQL.'],
  [LAYERS.map(([name]) => name).filter((name) => name !== 'server'), HTTP, 'HTTP is the server’s business.'],
];

const layer = (categories) => ({ file: { categories } });
const layersButStart = LAYERS.filter(([, , imports]) => imports !== '*');

const importRules = {
  files: ['src/**/*.ts', 'migrations/**/*.ts', 'seeds/**/*.ts', 'knexfile.ts'],
  ignores: ['**/*.test.ts', 'src/server/explorer/page/**'],
  plugins: { boundaries },
  settings: {
    'import/resolver': { node: { extensions: ['.ts', '.js', '.json'] } },
    'boundaries/files': LAYERS.map(([category, pattern]) => ({ category, pattern })),
    'boundaries/files-single-match': true,
    'boundaries/elements': [{ type: 'kind', pattern: 'src/crm/*' }],
    'boundaries/legacy-warnings': false,
  },
  rules: {
    'boundaries/no-unknown-files': 'error',
    'boundaries/dependencies': [
      'error',
      {
        default: 'disallow',
        checkAllOrigins: true,
        checkUnknownLocals: true,
        message:
          'Imports go downward: the layer of this file may not import {{to.file.path}} (see LAYERS in eslint.config.mjs).',
        policies: [
          { allow: { to: { module: { origin: ['core', 'external'] } } } },
          { from: layer('start'), allow: { to: layer('*') } },
        ],
      },
    ],
  },
};

export default tseslint.config(importRules);
