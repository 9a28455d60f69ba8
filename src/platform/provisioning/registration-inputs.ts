/** What a registration needs to be finished by another process; sealed while it is kept. */
import { randomBytes } from 'node:crypto';
import { z } from 'zod';

const registrationInputs = z.object({
  adminName: z.string(),
  email: z.string(),
  /** Never the password. */
  passwordHash: z.string(),
  /** Of the roles of a database that is made for the tenant. */
  ownerPassword: z.string(),
  appPassword: z.string(),
  /** The customer's own database. */
  byo: z.object({ url: z.string(), migrationUrl: z.string().optional() }).optional(),
});

export type RegistrationInputs = z.infer<typeof registrationInputs>;

export const parseInputs = (text: string): RegistrationInputs =>
  registrationInputs.parse(JSON.parse(text));

export const formatInputs = (inputs: RegistrationInputs): string => JSON.stringify(inputs);

export const randomRolePassword = (): string => randomBytes(24).toString('base64url');
