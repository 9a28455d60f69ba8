/** Operators sign in, stay in and are out: over HTTP, against the registry. */
import { createPlatform, LOGIN, type OperatorTokens, type Platform } from '../support/platform';
import { createWorld, PASSWORD, type World } from '../support/world';

const VIEWER = '{ viewer { email role } }';
const REFRESH = `mutation ($token: String!) {
  refreshSession(input: { refreshToken: $token }) { accessToken refreshToken operator { id } }
}`;

describe('a session of an operator', () => {
  let world: World;
  let platform: Platform;
  beforeAll(async () => {
    // Verdicts are not believed here: what ends, ends at the next request.
    world = await createWorld({ environment: { AUTH_SESSION_CHECK_SECONDS: '0' } });
    platform = await createPlatform(world);
  });
  afterAll(() => world.close());

  const codeOf = async (token: string): Promise<string> =>
    (await platform.query({ token }, VIEWER)).errors[0]?.extensions.code ?? 'OK';
  const refresh = (token: string) =>
    platform.query<{ refreshSession: OperatorTokens | null }>(undefined, REFRESH, { token });

  it('begins with the password, whatever the spelling of the address', async () => {
    const { accessToken, operator } = await platform.signIn(' Owner@Cloister.TEST ');
    expect(operator.role).toBe('OWNER');
    const { data } = await platform.query({ token: accessToken }, VIEWER);
    expect(data).toEqual({ viewer: { email: 'owner@cloister.test', role: 'OWNER' } });
  });

  it('is refused with the same answer to a wrong password and to an unknown address', async () => {
    const answers = await Promise.all(
      [
        { email: platform.emails.owner, password: 'wrong-horse-battery' },
        { email: 'nobody@cloister.test', password: PASSWORD },
        { email: 'admin@alpha.test', password: PASSWORD },
      ].map((variables) => platform.query(undefined, LOGIN, variables)),
    );
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
    expect(answers[0]).toMatchObject({
      status: 401,
      errors: [{ extensions: { code: 'UNAUTHENTICATED' } }],
    });
  });

  it('is limited in how often a password may be wrong', async () => {
    const variables = { email: 'limited@cloister.test', password: 'wrong-horse-battery' };
    const codes: (string | undefined)[] = [];
    for (let attempt = 0; attempt < 12; attempt += 1) {
      const { errors } = await platform.query(undefined, LOGIN, variables);
      codes.push(errors[0]?.extensions.code);
    }
    expect(codes.slice(0, 10)).toEqual(Array(10).fill('UNAUTHENTICATED'));
    expect(codes.at(-1)).toBe('RATE_LIMITED');
  });

  it('goes on with a refresh token, which is good once', async () => {
    const first = await platform.signIn(platform.emails.operator);
    const second = (await refresh(first.refreshToken)).data.refreshSession;
    expect(await codeOf(second?.accessToken ?? '')).toBe('OK');
    const again = await refresh(first.refreshToken);
    expect(again.errors[0]?.extensions.code).toBe('UNAUTHENTICATED');
    // Somebody has a copy: the session is over for both.
    expect(await codeOf(second?.accessToken ?? '')).toBe('UNAUTHENTICATED');
    expect((await refresh(second?.refreshToken ?? '')).errors).toHaveLength(1);
  });

  it('ends with a log-out', async () => {
    const { accessToken, refreshToken } = await platform.signIn(platform.emails.operator);
    await platform.query({ token: accessToken }, 'mutation { logout { userErrors { code } } }');
    expect(await codeOf(accessToken)).toBe('UNAUTHENTICATED');
    expect((await refresh(refreshToken)).errors).toHaveLength(1);
  });

  it('ends when the operator changes their password, but for the one it answers with', async () => {
    await platform.ask(
      'owner',
      `mutation { createOperator(input: { email: "changes@cloister.test", name: "C", role: VIEWER,
         password: "${PASSWORD}" }) { userErrors { code } } }`,
    );
    const before = await platform.signIn('changes@cloister.test');
    const change = (currentPassword: string, newPassword: string) =>
      platform.query<{ changePassword: OperatorTokens & { userErrors: unknown[] } }>(
        { token: before.accessToken },
        `mutation ($a: String!, $b: String!) { changePassword(input: { currentPassword: $a,
           newPassword: $b }) { accessToken userErrors { field code } } }`,
        { a: currentPassword, b: newPassword },
      );
    expect((await change(PASSWORD, 'short')).data.changePassword.userErrors).toEqual([
      { field: ['newPassword'], code: 'INVALID' },
    ]);
    expect(
      (await change('wrong-horse', 'another-horse-battery')).data.changePassword,
    ).toMatchObject({ userErrors: [{ field: ['currentPassword'] }] });
    const { accessToken } = (await change(PASSWORD, 'another-horse-battery')).data.changePassword;
    expect(await codeOf(accessToken)).toBe('OK');
    expect(await codeOf(before.accessToken)).toBe('UNAUTHENTICATED');
    await platform.signIn('changes@cloister.test', 'another-horse-battery');
  });

  it('ends when an owner disables the operator, who can then not sign in either', async () => {
    const { accessToken, operator } = await platform.signIn(platform.emails.viewer);
    await platform.ask(
      'owner',
      'mutation ($id: ID!) { disableOperator(input: { id: $id }) { operator { status } userErrors { code } } }',
      { id: operator.id },
    );
    expect(await codeOf(accessToken)).toBe('UNAUTHENTICATED');
    await expect(platform.signIn(platform.emails.viewer)).rejects.toThrow(/UNAUTHENTICATED/);
    await platform.ask(
      'owner',
      'mutation ($id: ID!) { enableOperator(input: { id: $id }) { userErrors { code } } }',
      { id: operator.id },
    );
    await platform.signIn(platform.emails.viewer);
  });

  it('has the role that the operator has now', async () => {
    const { accessToken, operator } = await platform.signIn(platform.emails.viewer);
    const verify = 'mutation { verifyAudit { intact } }';
    const setRole = `mutation ($id: ID!, $role: OperatorRole!) {
      setOperatorRole(input: { id: $id, role: $role }) { userErrors { code } } }`;
    expect((await platform.query({ token: accessToken }, verify)).errors[0]?.extensions.code).toBe(
      'FORBIDDEN',
    );
    await platform.ask('owner', setRole, { id: operator.id, role: 'OPERATOR' });
    expect((await platform.query({ token: accessToken }, verify)).errors).toEqual([]);
    await platform.ask('owner', setRole, { id: operator.id, role: 'VIEWER' });
    expect((await platform.query({ token: accessToken }, verify)).errors).toHaveLength(1);
  });

  it('of the last owner is not taken away', async () => {
    const { operator } = await platform.signIn(platform.emails.owner);
    const answer = await platform.ask(
      'owner',
      'mutation ($id: ID!) { setOperatorRole(input: { id: $id, role: VIEWER }) { operator { role } userErrors { field code } } }',
      { id: operator.id },
    );
    expect(answer).toEqual({
      setOperatorRole: { operator: null, userErrors: [{ field: ['id'], code: 'CONFLICT' }] },
    });
  });

  it('is nothing to the tenants’ API, nor is a tenant’s to this one', async () => {
    const operator = await platform.signIn(platform.emails.owner);
    const tenantLogin = await world.query<{ login: { accessToken: string; refreshToken: string } }>(
      undefined,
      'mutation ($input: LoginInput!) { login(input: $input) { accessToken refreshToken } }',
      { input: { email: 'admin@alpha.test', password: PASSWORD } },
    );
    const { accessToken, refreshToken } = tenantLogin.data.login;
    expect(await codeOf(accessToken)).toBe('UNAUTHENTICATED');
    expect((await refresh(refreshToken)).errors[0]?.extensions.code).toBe('UNAUTHENTICATED');
    const asTenant = await world.query(
      { token: operator.accessToken },
      '{ viewer { tenant { slug } } }',
    );
    expect(asTenant.status).toBe(401);
    const refreshed = await world.query(
      undefined,
      'mutation ($token: String!) { refreshSession(input: { refreshToken: $token }) { accessToken } }',
      { token: operator.refreshToken },
    );
    expect(refreshed.errors[0]?.extensions.code).toBe('UNAUTHENTICATED');
    // Neither attempt has ended anything.
    expect(await codeOf(operator.accessToken)).toBe('OK');
  });

  it('is in the audit log with its beginning and its end, and without its secrets', async () => {
    const { accessToken, refreshToken } = await platform.signIn(platform.emails.operator);
    await platform.query({ token: accessToken }, 'mutation { logout { userErrors { code } } }');
    const { auditLog } = await platform.ask<{ auditLog: { nodes: Record<string, unknown>[] } }>(
      'viewer',
      `{ auditLog(first: 2, filter: { table: { eq: "operator_sessions" },
           actor: { eq: "operator:operator@cloister.test" } }) { nodes { actor operation after } } }`,
    );
    expect(auditLog.nodes).toMatchObject([
      { actor: 'operator:operator@cloister.test', operation: 'UPDATE' },
      { actor: 'operator:operator@cloister.test', operation: 'INSERT' },
    ]);
    expect(auditLog.nodes[1]?.['after']).toMatchObject({
      refresh_family_hash: expect.stringMatching(/^hash:[0-9a-f]{12}$/),
    });
    expect(JSON.stringify(auditLog)).not.toContain(refreshToken.slice(5, 40));
  });
});
