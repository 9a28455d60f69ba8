/**
 * Tenants in memory, behind the ports of authentication: its logic can be tried without a database.
 * The statements themselves are tried on a real one, in test/integration/auth-sessions.test.ts.
 */
import { randomUUID } from 'node:crypto';
import { createEmailIndexKeyOf, normalizeEmail } from '../../src/auth/email-address';
import type { EmailIndex, TenantAccess, TenantDescription } from '../../src/auth/ports';
import type { Role } from '../../src/auth/principal';
import type { SqlRunner, Statement } from '../../src/database/statement';
import { createFollowUpWork } from '../../src/lib/follow-up-work';
import { SILENT } from '../../src/lib/log';
import type { Mail } from '../../src/mail/mail';

export interface FakeUser {
  readonly id: string;
  name: string;
  email: string;
  role: Role;
  status: string;
  passwordHash: string | null;
  secondFactor: boolean;
}

export interface FakeSession {
  readonly id: string;
  readonly userId: string;
  readonly familyHash: Buffer;
  generationHash: Buffer;
  revokedReason: string | undefined;
}

export interface FakeTenant extends TenantDescription {
  status: string;
  /** What every statement answers with while it is set. */
  failure: Error | undefined;
  readonly users: FakeUser[];
  readonly sessions: FakeSession[];
  /** Texts of the statements it was sent. */
  readonly statements: string[];
}

export interface FakeTenants {
  readonly access: TenantAccess;
  readonly emailIndex: EmailIndex;
  add(slug: string): FakeTenant;
  addUser(tenant: FakeTenant, user: Partial<FakeUser> & Pick<FakeUser, 'email'>): FakeUser;
}

export const FAKE_EMAIL_INDEX_KEY = 'email-index-key-of-at-least-32-bytes';

export function createFakeTenants(): FakeTenants {
  const tenants = new Map<string, FakeTenant>();
  const keyOf = createEmailIndexKeyOf(FAKE_EMAIL_INDEX_KEY);

  const run: TenantAccess['run'] = async (tenantId, work) => {
    const tenant = tenants.get(tenantId);
    if (tenant === undefined) throw new Error('the fake has no such tenant');
    if (tenant.failure !== undefined) throw tenant.failure;
    return work(runnerOf(tenant));
  };

  return {
    access: { run, transaction: run, describe: async (id) => tenants.get(id) },
    emailIndex: {
      async findTenantIds(indexKey) {
        const knows = ({ users }: FakeTenant) =>
          users.some(({ email }) => keyOf(normalizeEmail(email)).equals(indexKey));
        return [...tenants.values()].filter(knows).map(({ id }) => id);
      },
    },
    add(slug) {
      const tenant: FakeTenant = {
        id: randomUUID(),
        slug,
        name: `Tenant ${slug}`,
        status: 'active',
        failure: undefined,
        users: [],
        sessions: [],
        statements: [],
      };
      tenants.set(tenant.id, tenant);
      return tenant;
    },
    addUser(tenant, given) {
      const user: FakeUser = {
        id: randomUUID(),
        name: 'Ada Lovelace',
        role: 'member',
        status: 'active',
        passwordHash: null,
        secondFactor: false,
        ...given,
      };
      tenant.users.push(user);
      return user;
    },
  };
}

type Answer = (values: readonly unknown[], tenant: FakeTenant) => unknown[];

const isActive = (user: FakeUser | undefined): user is FakeUser => user?.status === 'active';
const credentialsOf = ({ id, passwordHash, status, secondFactor }: FakeUser) => ({
  userId: id,
  passwordHash,
  status,
  secondFactor,
});
const shown = ({ id, name, email, role }: FakeUser) => ({ id, name, email, role });
const sameBytes = (one: Buffer, other: unknown) => one.equals(other as Buffer);

function revoke(sessions: FakeSession[], reason: unknown): { id: string }[] {
  const standing = sessions.filter(({ revokedReason }) => revokedReason === undefined);
  for (const session of standing) session.revokedReason = reason as string;
  return standing.map(({ id }) => ({ id }));
}

/** Services that no test of the logic needs: what they were asked for. */
export function fakeMailing() {
  const mails: Mail[] = [];
  const followUps = createFollowUpWork({ log: SILENT, pausesMs: [] });
  return {
    mails,
    followUps,
    deliverMail: async (mail: Mail) => void mails.push(mail),
    publicUrl: 'https://app.example.test',
    secrets: {
      seal: async (_tenantId: string, _place: object, text: string) => text,
      open: async (_tenantId: string, _place: object, sealed: string) => sealed,
    },
  };
}

/** What each statement does, by words that only it has. The first value is always the tenant's id. */
const ANSWERS: readonly (readonly [words: RegExp, answer: Answer])[] = [
  [
    /email_key = \$2/,
    ([, key], { users }) =>
      users.filter(({ email }) => normalizeEmail(email) === key).map(credentialsOf),
  ],
  [
    /"secondFactor"\s+from cloister\.users.*\bid = \$2/s,
    ([, id], { users }) => users.filter((user) => user.id === id).map(credentialsOf),
  ],
  [
    /with signed_in as/,
    ([, userId, verified, hash, id, family, generation, , , , secondFactorShown], tenant) => {
      const user = tenant.users.find((each) => each.id === userId);
      if (!isActive(user) || user.passwordHash !== verified) return [];
      if (user.secondFactor && secondFactorShown !== true) return [];
      user.passwordHash = hash as string;
      tenant.sessions.push({
        id: id as string,
        userId: user.id,
        familyHash: family as Buffer,
        generationHash: generation as Buffer,
        revokedReason: undefined,
      });
      return [shown(user)];
    },
  ],
  [
    /set refresh_generation_hash = \$4/,
    ([, id, presented, next], { sessions, users }) => {
      const session = sessions.find((each) => each.id === id && each.revokedReason === undefined);
      const user = users.find((each) => each.id === session?.userId);
      if (session === undefined || !isActive(user) || !sameBytes(session.generationHash, presented))
        return [];
      session.generationHash = next as Buffer;
      return [shown(user)];
    },
  ],
  [
    /'refresh_token_reused'/,
    ([, id, family, generation], { sessions }) => {
      const used = sessions.filter(
        (each) =>
          each.id === id &&
          sameBytes(each.familyHash, family) &&
          !sameBytes(each.generationHash, generation),
      );
      return revoke(used, 'refresh_token_reused');
    },
  ],
  [
    /refresh_family_hash = \$3/,
    ([, id, family, reason], { sessions }) =>
      revoke(
        sessions.filter((each) => each.id === id && sameBytes(each.familyHash, family)),
        reason,
      ),
  ],
  [
    /revoked_reason = \$3\s+where tenant_id = \$1 and id = \$2/,
    ([, id, reason], { sessions }) =>
      revoke(
        sessions.filter((each) => each.id === id),
        reason,
      ),
  ],
  [
    /revoked_reason = \$3\s+where tenant_id = \$1 and user_id = \$2/,
    ([, userId, reason], { sessions }) =>
      revoke(
        sessions.filter((each) => each.userId === userId),
        reason,
      ),
  ],
  [
    /select u\.role/,
    ([, id, userId], { sessions, users }) => {
      const stands = sessions.some(
        (each) => each.id === id && each.userId === userId && each.revokedReason === undefined,
      );
      const user = users.find((each) => each.id === userId);
      return stands && isActive(user) ? [{ role: user.role }] : [];
    },
  ],
  [
    /set password_hash = \$4/,
    ([, id, verified, next], { users }) => {
      const user = users.find((each) => each.id === id);
      if (!isActive(user) || user.passwordHash !== verified) return [];
      user.passwordHash = next as string;
      return [{ id }];
    },
  ],
];

const runnerOf = (tenant: FakeTenant): SqlRunner => ({
  localTenantId: tenant.id,
  async query<Row>({ text, values }: Statement): Promise<Row[]> {
    tenant.statements.push(text);
    await Promise.resolve();
    const answer = ANSWERS.find(([words]) => words.test(text))?.[1];
    if (answer === undefined) throw new Error(`the fake does not know this statement: ${text}`);
    return answer(values, tenant) as Row[];
  },
});
