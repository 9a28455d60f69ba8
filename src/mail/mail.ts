/** A mail as the parts that send one see it, and the port by which they do. */

export interface Mail {
  readonly to: { readonly name: string; readonly address: string };
  readonly subject: string;
  /** Plain text: nothing in it can be anything else than what it reads like. */
  readonly text: string;
}

/** One attempt. @throws whatever kept the mail from being handed on; nothing was sent then. */
export type DeliverMail = (mail: Mail) => Promise<void>;
