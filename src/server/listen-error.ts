/** Why the server cannot listen, in words for the operator; the message is the whole story. */
export class ListenError extends Error {
  override readonly name = 'ListenError';
}

interface Address {
  readonly host: string;
  readonly port: number;
}

const REASONS: Readonly<Record<string, (address: Address) => string>> = {
  EADDRINUSE: ({ host, port }) =>
    `Port ${port} of ${host} is in use by another program: stop that one, or set PORT to another port.`,
  EACCES: ({ port }) =>
    `This user may not listen on port ${port}: set PORT to a port from 1024 on, or allow it.`,
  EADDRNOTAVAIL: ({ host }) =>
    `${host} is no address of this machine: set HOST to one of its own, or to 0.0.0.0 for all.`,
  ENOTFOUND: ({ host }) =>
    `The name ${host} has no address: set HOST to an address of this machine.`,
};

/** The error itself where there is nothing better to say. */
export function listenError(error: unknown, address: Address): unknown {
  const code = (error as NodeJS.ErrnoException | null)?.code ?? '';
  const reason = REASONS[code]?.(address);
  return reason === undefined ? error : new ListenError(reason, { cause: error });
}
