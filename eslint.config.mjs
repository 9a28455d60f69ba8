/**
 * What is refused beside what the compiler refuses: imports against the layers, and code that hides
 * mistakes. Layout is Prettier's business and no rule's.
 */
import boundaries from 'eslint-plugin-boundaries';
import tseslint from 'typescript-eslint';

/**
 * The layers of the house, top to bottom: name, files, and the layers below that these may import.
 * A file that belongs to none is refused, so that a new folder must take its place here. Where two
 * patterns match, the first counts.
 */
const LAYERS = [
  ['start', ['src/{main,application,demo}.ts', 'src/cli/**'], ['*']],
  ['knexfile', ['knexfile.ts'], ['database']],
  ['seeds', ['seeds/**'], ['kinds', 'mechanism', 'tenancy', 'auth', 'database', 'lib']],
  // The database server of development and tests, which the system itself knows nothing of.
  ['embedded', ['src/embedded/**'], ['database', 'errors', 'lib']],
  ['server', ['src/server/**'], ['graphql', 'context', 'auth', 'database', 'errors', 'lib']],
  [
    'import',
    ['src/import/**'],
    ['kinds', 'mechanism', 'request', 'context', 'tenancy', 'auth', 'database', 'errors', 'lib'],
  ],
  [
    'platform',
    ['src/platform/**'],
    ['graphql', 'request', 'context', 'tenancy', 'auth', 'database', 'errors', 'lib'],
  ],
  // The list of kinds and the schema made of it: the only place where kinds meet.
  ['kinds', ['src/crm/*.ts'], ['kind', 'mechanism', 'graphql', 'errors', 'lib']],
  ['mechanism', ['src/crm/kind/**'], ['graphql', 'context', 'auth', 'database', 'errors', 'lib']],
  ['kind', ['src/crm/*/**'], ['mechanism', 'graphql', 'context', 'auth', 'errors', 'lib']],
  ['graphql', ['src/graphql/**'], ['context', 'auth', 'errors', 'lib']],
  // What a resolver sees of a request; who makes one is known to `start` alone.
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

/** Layers that others may use the types of, and nothing else. */
const TYPES_ONLY = {
  config: LAYERS.map(([name]) => name).filter((name) => !['migrations', 'errors', 'lib'].includes(name)),
  context: ['server', 'platform', 'mechanism', 'kind', 'graphql'],
};

const GRAPHQL = ['graphql', 'graphql-*', 'type-graphql', '@apollo/*', 'dataloader'];
const POSTGRES = ['pg', 'pg-*', 'knex'];
const HTTP = ['fastify', '@fastify/*', '@as-integrations/*', '@apollo/*'];

/** Packages that layers must not know, and why; `type` where their types are welcome. */
const FOREIGN = [
  { layers: ['server', 'kinds', 'mechanism', 'kind', 'graphql', 'context', 'request', 'auth'],
    packages: POSTGRES, why: 'connections are the business of `tenancy`, and records are reached by a session' },
  { layers: ['embedded', 'import', 'context', 'request', 'tenancy', 'auth', 'database', 'errors', 'lib'],
    packages: GRAPHQL, why: 'GraphQL begins with `graphql`, above this' },
  { layers: LAYERS.map(([name]) => name).filter((name) => name !== 'server'),
    packages: HTTP, why: 'HTTP is the business of `server`' },
];

const layers = (categories) => ({ file: { categories } });

const imports = {
  files: ['src/**/*.ts', 'migrations/**/*.ts', 'seeds/**/*.ts', 'knexfile.ts'],
  ignores: ['**/*.test.ts', 'src/server/explorer/page/**'],
  plugins: { boundaries },
  settings: {
    'import/resolver': { node: { extensions: ['.ts', '.js', '.json'] } },
    'boundaries/files': LAYERS.map(([category, pattern]) => ({ category, pattern })),
    'boundaries/files-single-match': true,
    // Each folder of a kind by itself: within one, imports are free.
    'boundaries/elements': [{ type: 'folder', pattern: 'src/crm/*' }],
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
          'Imports go downward, but {{from.file.categories}} imports {{to.file.categories}} ({{dependency.source}}): see LAYERS in eslint.config.mjs.',
        // The last policy that matches decides.
        policies: [
          { allow: { to: { module: { origin: ['core', 'external'] } } } },
          ...LAYERS.map(([name, , below]) => ({
            from: layers(name),
            allow: { to: layers(name === 'kind' ? below : [name, ...below]) },
          })),
          ...Object.entries(TYPES_ONLY).flatMap(([name, users]) => [
            {
              from: layers(users),
              disallow: { to: layers(name) },
              message: 'Only the types of {{dependency.source}} may be imported here: use `import type`.',
            },
            { from: layers(users), allow: { to: layers(name), dependency: { kind: 'type' } } },
          ]),
          { from: layers(['start', 'knexfile', 'config']), allow: { to: layers('config') } },
          ...FOREIGN.map(({ layers: names, packages, why }) => ({
            from: layers(names),
            disallow: { to: { module: { origin: 'external', source: packages } } },
            message: `The package {{dependency.source}} is not for this layer: ${why}.`,
          })),
        ],
      },
    ],
  },
};

const code = {
  files: ['**/*.ts', '**/*.tsx'],
  extends: [tseslint.configs.recommendedTypeChecked],
  languageOptions: {
    parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
  },
  rules: {
    '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'separate-type-imports' }],
    '@typescript-eslint/no-import-type-side-effects': 'error',
    '@typescript-eslint/switch-exhaustiveness-check': 'error',
    '@typescript-eslint/no-unused-vars': ['error', { ignoreRestSiblings: true }],
    eqeqeq: ['error', 'always'],
  },
};

export default tseslint.config(
  { ignores: ['node_modules/', 'dist/', '.cloister/', 'coverage/'] },
  code,
  imports,
);
