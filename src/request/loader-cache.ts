/** The loaders of one request: made when they are first asked for, forgotten together. */
import type { LoaderCache } from './context';

export function createLoaderCache(): LoaderCache {
  return new Loaders();
}

class Loaders implements LoaderCache {
  private readonly made = new Map<string, unknown>();

  get<T>(name: string, make: () => T): T {
    const known = this.made.get(name);
    if (known !== undefined) return known as T;
    const made = make();
    this.made.set(name, made);
    return made;
  }

  clear(): void {
    this.made.clear();
  }
}
