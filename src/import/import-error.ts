/** The import cannot go on as asked; the message says what was expected, what was got, what to do. */
export class ImportError extends Error {
  override readonly name = 'ImportError';
  constructor(
    /** All that is wrong, each fault a sentence of its own. */
    readonly faults: readonly string[],
    heading = 'The import cannot start',
    options?: ErrorOptions,
  ) {
    super(
      faults.length === 1
        ? `${heading}: ${faults[0]}`
        : `${heading}, for ${faults.length} reasons:\n${faults.map((fault) => `  - ${fault}`).join('\n')}`,
      options,
    );
  }
}
