/** The users that the demo seeds, all with one public password. */
export const DEMO_PASSWORD = 'correct-horse-battery';

const TENANTS = ['acme', 'globex', 'initech', 'hooli'] as const;
const ROLES = ['admin', 'member', 'reader'] as const;

export interface DemoUserGroup {
  readonly label: string;
  readonly emails: readonly string[];
}

export const DEMO_USER_GROUPS: readonly DemoUserGroup[] = [
  ...TENANTS.map((tenant) => ({
    label: tenant,
    emails: ROLES.map((role) => `${role}@${tenant}.test`),
  })),
  { label: 'in acme and initech', emails: ['agency@example.test'] },
];

const DEMO_EMAILS = new Set(DEMO_USER_GROUPS.flatMap(({ emails }) => emails));

export const isDemoUser = (email: string): boolean => DEMO_EMAILS.has(email);
