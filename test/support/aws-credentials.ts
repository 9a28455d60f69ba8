/** Credentials where the AWS SDK looks for them; any will do for a server of ours. */
export function useAwsCredentials(): void {
  const variables = { AWS_ACCESS_KEY_ID: 'AKIATEST', AWS_SECRET_ACCESS_KEY: 'of-the-tests' };
  const before = { ...process.env };
  beforeAll(() => {
    Object.assign(process.env, variables);
  });
  afterAll(() => {
    for (const name of Object.keys(variables)) {
      if (before[name] === undefined) delete process.env[name];
      else process.env[name] = before[name];
    }
  });
}
