/**
 * Hands mails on: to an SMTP server, or without one as files to a folder, for development. A message
 * is made and sent by nodemailer, loaded when the first is.
 */
import { randomBytes } from 'node:crypto';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { SendMailOptions, Transporter } from 'nodemailer';
import { SECOND } from '../lib/duration';
import type { Log } from '../lib/log';
import type { DeliverMail, Mail } from './mail';

export interface MailConfig {
  /** `smtp://` or `smtps://` with user and password; absent: files. */
  readonly smtpUrl: string | undefined;
  readonly from: string;
  /** Where mails are written to without an SMTP server. */
  readonly folder: string;
}

export interface Mailer {
  readonly deliver: DeliverMail;
  close(): void;
}

/** A server that falls silent must not hold a mail, and the shutdown, for minutes. */
const PATIENCE = {
  connectionTimeout: 10 * SECOND,
  greetingTimeout: 10 * SECOND,
  socketTimeout: 30 * SECOND,
};

export function createMailer(config: MailConfig, log: Log): Mailer {
  let transporter: Promise<Transporter> | undefined;
  const getTransporter = (): Promise<Transporter> => {
    transporter ??= makeTransporter(config.smtpUrl);
    return transporter;
  };

  return {
    async deliver(mail) {
      const message = toMessage(mail, config.from);
      const made = (await (await getTransporter()).sendMail(message)) as { message?: unknown };
      if (config.smtpUrl !== undefined) return;
      const file = await writeMail(config.folder, made.message as Buffer);
      log.info({ file }, 'mail written: MAIL_SMTP_URL is not set');
    },
    close() {
      void transporter?.then((made) => made.close());
    },
  };
}

async function makeTransporter(smtpUrl: string | undefined): Promise<Transporter> {
  const { createTransport } = await import('nodemailer');
  return smtpUrl === undefined
    ? createTransport({ streamTransport: true, buffer: true, newline: 'unix' })
    : createTransport({ url: smtpUrl, ...PATIENCE });
}

/** Addresses as objects: as text, a comma in one would make it two. */
function toMessage({ to, subject, text }: Mail, from: string): SendMailOptions {
  if (!/^[^\s@<>,;:"()[\]\\]+@[^\s@<>,;:"()[\]\\]+$/.test(to.address)) {
    throw new Error('Expected one plain e-mail address to send to, got something else.');
  }
  return {
    from,
    to,
    subject,
    text,
    headers: { 'Auto-Submitted': 'auto-generated' },
    disableFileAccess: true,
    disableUrlAccess: true,
  };
}

/** Under another name first, so that whoever watches the folder never reads half a mail. */
async function writeMail(folder: string, content: Buffer): Promise<string> {
  // Links in it sign people in: nobody else on the machine may read them.
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const name = `${new Date().toISOString().replaceAll(':', '-')}-${randomBytes(3).toString('hex')}`;
  const draft = join(folder, `.${name}`);
  const file = join(folder, `${name}.eml`);
  await writeFile(draft, content, { mode: 0o600 });
  await rename(draft, file);
  return file;
}
