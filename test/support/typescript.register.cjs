/**
 * Lets `node -r` run the sources as jest does, decorators and all, for tests that need a process of
 * their own to kill.
 */
'use strict';
const { readFileSync } = require('node:fs');
const { transformSync } = require('@swc/core');
require('reflect-metadata');

require.extensions['.ts'] = (module, filename) => {
  const { code } = transformSync(readFileSync(filename, 'utf8'), {
    filename,
    sourceMaps: 'inline',
    module: { type: 'commonjs' },
    jsc: {
      target: 'es2022',
      keepClassNames: true,
      parser: { syntax: 'typescript', decorators: true },
      transform: { legacyDecorator: true, decoratorMetadata: true },
    },
  });
  module._compile(code, filename);
};
