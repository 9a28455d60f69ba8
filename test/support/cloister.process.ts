/** `cloister <args>` in a process of its own: `node -r typescript.register.cjs cloister.process.ts <args>`. */
import { runCli } from '../../src/cli/cli';

void runCli(process.argv.slice(2)).then((code) => {
  process.exitCode = code;
});
