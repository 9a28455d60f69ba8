/**
 * What is refused beside what the compiler refuses: imports against the layers, and code that hides
 * mistakes. Layout is Prettier's business and no rule's.
 */
import boundaries from 'eslint-plugin-boundaries';
import { defineConfig, globalIgnores } from 'eslint/config';
import tseslint from 'typescript-eslint';

/**
 * The layers of the house, top to bottom: name, files, and the layers below that these may import.
 * A file that belongs to none is refused, so that a new folder must take its place here. Where two
 * patterns match, the first counts.
 */
const LAYERS = [
  ['start', ['src/!(config|errors).ts', 'src/cli/**'], ['*']],
  ['knexfile', ['knexfile.ts'], ['database']],
  ['seeds', ['seeds/**'], ['kinds', 'mechanism', 'tenancy', 'auth', 'database', 'lib']],
  // The database server of development and tests, which the system itself knows nothing of.
  ['embedded', ['src/embedded/**'], ['database', 'errors', 'lib']],
  ['server', ['src/server/**'], ['graphql', 'context', 'auth', 'database', 'errors', 'lib']],
  [
    'import',
    ['src/import/**'],
    [
      'kinds',
      'mechanism',
      'graphql',
      'request',
      'context',
      'tenancy',
      'auth',
      'database',
      'errors',
      'lib',
    ],
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
  ['auth', ['src/auth/**'], ['mail', 'database', 'errors', 'lib']],
  ['mail', ['src/mail/**'], ['errors', 'lib']],
  ['database', ['src/database/**'], ['errors', 'lib']],
  ['migrations', ['migrations/**'], []],
  ['config', ['src/config.ts', 'src/config/**'], []],
  ['errors', ['src/errors.ts'], []],
  ['lib', ['src/lib/**'], []],
];

/** Layers that others may use the types of, and nothing else. */
const TYPES_ONLY = {
  config: LAYERS.map(([name]) => name).filter(
    (name) => !['migrations', 'errors', 'lib'].includes(name),
  ),
  context: ['server', 'platform', 'mechanism', 'kind', 'graphql'],
};

const GRAPHQL = ['graphql', 'graphql-*', 'type-graphql', '@apollo/*', 'dataloader'];
const POSTGRES = ['pg', 'pg-*', 'knex'];
const HTTP = ['fastify', '@fastify/*', '@as-integrations/*', '@apollo/*'];

/** Packages that layers must not know, and why. */
const FOREIGN = [
  {
    packages: POSTGRES,
    from: ['server', 'kinds', 'mechanism', 'kind', 'graphql', 'context', 'request', 'auth'],
    why: 'records are reached by a session, and `tenancy` alone holds connections',
  },
  {
    packages: GRAPHQL,
    from: ['embedded', 'context', 'request', 'tenancy', 'auth', 'database', 'errors', 'lib'],
    why: 'GraphQL begins with `graphql`, above this one',
  },
  {
    packages: HTTP,
    from: LAYERS.map(([name]) => name).filter((name) => name !== 'server'),
    why: 'HTTP is the business of `server`',
  },
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
              message:
                'Only the types of {{dependency.source}} may be imported here: use `import type`.',
            },
            { from: layers(users), allow: { to: layers(name), dependency: { kind: 'type' } } },
          ]),
          { from: layers(['start', 'knexfile', 'config']), allow: { to: layers('config') } },
          ...FOREIGN.map(({ packages, from, why }) => ({
            from: layers(from),
            disallow: { to: { module: { origin: 'external', source: packages } } },
            message: `The package {{dependency.source}} is not for this layer: ${why}.`,
          })),
          {
            // What a migration did must not change with the code around it.
            from: layers('migrations'),
            disallow: { to: { module: { origin: ['core', 'external'] } } },
            message: 'A migration imports nothing but the types of knex.',
          },
          {
            from: layers('migrations'),
            allow: { to: { module: { source: 'knex' } }, dependency: { kind: 'type' } },
          },
        ],
      },
    ],
  },
};

const code = {
  files: ['**/*.{ts,tsx}'],
  extends: [tseslint.configs.recommendedTypeChecked],
  languageOptions: {
    parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
  },
  rules: {
    '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'separate-type-imports' }],
    '@typescript-eslint/no-import-type-side-effects': 'error',
    '@typescript-eslint/no-non-null-assertion': 'error',
    '@typescript-eslint/no-unused-vars': ['error', { ignoreRestSiblings: true }],
    '@typescript-eslint/switch-exhaustiveness-check': [
      'error',
      { considerDefaultExhaustiveForUnions: true },
    ],
    eqeqeq: 'error',
    // Caught values are `unknown` and are thrown again as they are; literals never.
    '@typescript-eslint/only-throw-error': 'off',
    'no-throw-literal': 'error',
    // `async` also says that a function answers by its promise and never throws on the spot.
    '@typescript-eslint/require-await': 'off',
    // Things are made by functions and hold their state in closures; `this` is not used.
    '@typescript-eslint/unbound-method': 'off',
    // For enums of packages only: there are none of ours.
    '@typescript-eslint/no-unsafe-enum-comparison': 'off',
  },
};

const product = {
  files: ['src/**/*.{ts,tsx}', 'seeds/**/*.ts'],
  ignores: ['**/*.test.ts'],
  rules: {
    'max-lines': ['error', { max: 300, skipComments: true }],
    'no-console': 'error',
    'no-restricted-syntax': [
      'error',
      { selector: 'ExportDefaultDeclaration', message: 'Named exports only.' },
    ],
    'no-restricted-properties': [
      'error',
      {
        object: 'process',
        property: 'env',
        message: 'Only src/config reads the environment; take what you need from Config.',
      },
    ],
  },
};

const configReader = {
  files: ['src/config.ts', 'src/config/**'],
  rules: { 'no-restricted-properties': 'off' },
};

/** Matchers and parsed answers are `any`, and a test that takes them wrongly fails. */
const tests = {
  files: ['test/**/*.ts', '**/*.test.ts'],
  rules: {
    '@typescript-eslint/no-unsafe-argument': 'off',
    '@typescript-eslint/no-unsafe-assignment': 'off',
    '@typescript-eslint/no-unsafe-call': 'off',
    '@typescript-eslint/no-unsafe-member-access': 'off',
    '@typescript-eslint/no-unsafe-return': 'off',
  },
};

const scripts = {
  files: ['**/*.{js,mjs}'],
  extends: [tseslint.configs.recommended],
};

export default defineConfig(
  // bench/ is a package of its own, with dependencies that are not installed here.
  globalIgnores(['dist/', '.cloister/', 'coverage/', 'bench/']),
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  code,
  product,
  configReader,
  tests,
  scripts,
  imports,
);
