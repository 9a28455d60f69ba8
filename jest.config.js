// In JavaScript, for jest reads it before anything could translate it.

/** Packages of node_modules that are published as ES modules only; jest runs CommonJS. */
const ESM_ONLY = ['sql-template-tag'];

/** The same language as tsconfig.json; types are checked by `tsc`, not here. */
const swc = {
  sourceMaps: 'inline',
  module: { type: 'commonjs' },
  jsc: {
    target: 'es2022',
    keepClassNames: true,
    parser: { syntax: 'typescript', decorators: true },
    transform: { legacyDecorator: true, decoratorMetadata: true },
  },
};

/** @type {import('jest').Config} */
module.exports = {
  testEnvironment: 'node',
  // Not the whole folder: .cloister holds a database's files, maybe another user's.
  roots: ['<rootDir>/src', '<rootDir>/test', '<rootDir>/bench/src'],
  testMatch: ['<rootDir>/{src,test,bench/src}/**/*.test.ts'],
  transform: { '^.+\\.[jt]s$': ['@swc/jest', swc] },
  transformIgnorePatterns: [`/node_modules/(?!(?:${ESM_ONLY.join('|')})/)`],
  setupFiles: ['reflect-metadata'],
  globalSetup: '<rootDir>/test/support/global-setup.ts',
  globalTeardown: '<rootDir>/test/support/global-teardown.ts',
  // One Postgres serves all workers; more of them only wait for it.
  maxWorkers: 2,
  // Each file loads the house anew, and not all of the one before is freed: a full heap is a slow one.
  workerIdleMemoryLimit: '1GB',
  testTimeout: 180_000,
};
