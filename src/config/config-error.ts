/** What is wrong with the environment, all of it at once. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  constructor(readonly faults: readonly string[]) {
    super(
      `The configuration has ${faults.length} fault(s); mend them and start again:\n` +
        faults.map((fault) => `  - ${fault}`).join('\n') +
        '\n.env.example explains each variable.',
    );
  }
}
