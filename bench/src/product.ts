/**
 * The parts of cloister the bench uses, by hand and few: those of the working tree bring up the
 * database, those of the commit that is measured enrol its tenants (see enrol.ts).
 */
import { join, resolve } from 'node:path';

export const PROJECT_ROOT = resolve(__dirname, '..', '..', '..');

export interface EmbeddedAccess {
  readonly settings: Readonly<Record<string, string>>;
  readonly dataSources: {
    readonly shared: { readonly url: string; readonly migrationUrl: string };
  };
  /** Of the role that may create databases. */
  readonly serverUrl: string;
  readonly postgres: {
    readonly port: number;
    urlFor(database: string): string;
    stop(): Promise<void>;
  };
}

interface EmbeddedModule {
  prepareEmbedded(
    home: string,
    options: { log(line: string): void; settings?: Readonly<Record<string, string>> },
  ): Promise<EmbeddedAccess>;
}

/** A built module of a cloister, by its path under `src`. */
export const requireProduct = <T>(root: string, path: string): T =>
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- which one is known at run time only
  require(join(root, 'dist', 'src', path)) as T;

export const embeddedModule = (): EmbeddedModule =>
  requireProduct<EmbeddedModule>(PROJECT_ROOT, 'embedded/embedded-settings.js');
