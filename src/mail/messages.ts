/** What the mails say. Plain text; what customers typed is cut to one line of bounded length. */
import type { Mail } from './mail';

export interface Recipient {
  readonly name: string;
  readonly address: string;
}

/** Line breaks would let a name write sentences of its own. */
const oneLine = (text: string): string => {
  const line = text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\s]+/gu, ' ').trim();
  return line.length > 80 ? `${line.slice(0, 79)}…` : line;
};

const mail = ({ name, address }: Recipient, subject: string, paragraphs: string[]): Mail => ({
  to: { name: oneLine(name), address },
  subject: oneLine(subject),
  text: [`Hello ${oneLine(name)},`, ...paragraphs].join('\n\n') + '\n',
});

export const invitationMail = (
  to: Recipient,
  { organisation, link, days }: { organisation: string; link: string; days: number },
): Mail =>
  mail(to, `Invitation to ${oneLine(organisation)}`, [
    `you are invited to work in "${oneLine(organisation)}". Choose a password here, within ${days} days:`,
    link,
    'The link works once. If you expected no invitation, do nothing: nobody can sign in without it.',
  ]);

export interface ResetLink {
  readonly organisation: string;
  readonly link: string;
}

export const passwordResetMail = (
  to: Recipient,
  { links, minutes }: { links: readonly ResetLink[]; minutes: number },
): Mail =>
  mail(to, 'A new password', [
    links.length === 1
      ? `somebody asked for a new password for this address. If it was you, choose one here, within ${minutes} minutes:`
      : `somebody asked for a new password for this address. It belongs to several organisations, each with a password of its own. If it was you, choose a new one here, within ${minutes} minutes:`,
    ...links.map(({ organisation, link }) => `${oneLine(organisation)}\n${link}`),
    'Each link works once. If it was not you, do nothing: your password stays as it is.',
  ]);

/** What happened to an account, told to its owner, who may not have done it. */
export const securityNoticeMail = (
  to: Recipient,
  { organisation, happened }: { organisation: string; happened: string },
): Mail =>
  mail(to, `Your account in ${oneLine(organisation)}`, [
    `${happened} in "${oneLine(organisation)}".`,
    'If that was not you, tell an administrator of your organisation, and choose a new password.',
  ]);
