/** One-time codes from an authenticator app: TOTP (RFC 6238) as all such apps know it. */
import { Secret, TOTP } from 'otpauth';

/** What every app takes without being told: some ignore anything else that the URI says. */
const PARAMETERS = { algorithm: 'SHA1', digits: 6, period: 30 } as const;
/** RFC 4226, section 4: at least 128 bits, better 160. */
const SECRET_BYTES = 20;
/** Steps that a clock may be off, and a slow hand be late. */
const WINDOW = 1;

export const createTotpSecret = (): string => new Secret({ size: SECRET_BYTES }).base32;

/** What an app reads from a QR code: https://github.com/google/google-authenticator/wiki/Key-Uri-Format */
export const totpUri = (
  secret: string,
  { issuer, account }: { readonly issuer: string; readonly account: string },
): string => new TOTP({ ...PARAMETERS, secret, issuer, label: account }).toString();

/** The time step that a code belongs to, or undefined when it is wrong or not of about now. */
export function totpStepOf(secret: string, code: string, nowMs: number): number | undefined {
  if (!/^\d{6}$/.test(code)) return undefined;
  const totp = new TOTP({ ...PARAMETERS, secret });
  const delta = totp.validate({ token: code, timestamp: nowMs, window: WINDOW });
  return delta === null ? undefined : totp.counter({ timestamp: nowMs }) + delta;
}
