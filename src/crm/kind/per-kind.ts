import type { Kind } from './kind';

/** Makes a value once for each kind: for what follows from a definition and is needed by every request. */
export function perKind<T>(make: (kind: Kind) => T): (kind: Kind) => T {
  const made = new WeakMap<Kind, T>();
  return (kind) => {
    const known = made.get(kind);
    if (known !== undefined) return known;
    const value = make(kind);
    made.set(kind, value);
    return value;
  };
}
