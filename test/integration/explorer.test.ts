/** The explorer's page, in a real browser against a small API of the same shape. */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { get } from 'node:http';
import { join } from 'node:path';
import Fastify from 'fastify';
import { chromium } from 'playwright-core';
import type { Browser, Page } from 'playwright-core';
import { registerExplorer } from '../../src/server/explorer/explorer.plugin';
import { startExplorerApi } from '../support/explorer-api.fake';
import type { ExplorerApi, ExplorerApiOptions } from '../support/explorer-api.fake';

const ROOT = join(__dirname, '../..');
const CHROMIUM = [process.env['CHROMIUM_PATH'], '/usr/bin/chromium', '/usr/bin/chromium-browser']
  .filter((path) => path !== undefined && path !== '')
  .find((path) => existsSync(path ?? ''));
const CHROMIUM_FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

beforeAll(() => {
  execFileSync(process.execPath, ['src/server/explorer/build.mjs'], {
    cwd: ROOT,
    stdio: 'inherit',
  });
}, 120_000);

describe('the explorer over HTTP', () => {
  let api: ExplorerApi;
  let html: string;
  let page: Response;
  beforeAll(async () => {
    api = await startExplorerApi();
    page = await fetch(`${api.url}/explorer`);
    html = await page.text();
  });
  afterAll(() => api.close());

  it('allows no other host and no inline script', () => {
    const policy = page.headers.get('content-security-policy') ?? '';
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("script-src 'self';");
    expect(policy).not.toMatch(/https?:|unsafe-eval|\*/);
    expect(html).not.toMatch(/<script(?![^>]* src="\/explorer\/assets\/)/);
    expect(html).not.toMatch(/(?:src|href)="(?:https?:)?\/\//);
  });

  it('has its assets kept for good, compressed, under names that change with their content', async () => {
    const script = /src="([^"]+)"/.exec(html)?.[1] ?? '';
    expect(script).toMatch(/^\/explorer\/assets\/explorer-[A-Z0-9]{8}\.js$/);
    const answer = await fetch(api.url + script, { headers: { 'accept-encoding': 'gzip' } });
    expect(answer.status).toBe(200);
    expect(answer.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
    expect(answer.headers.get('content-encoding')).toBe('gzip');
    expect(page.headers.get('cache-control')).toBe('no-cache');
  });

  it.each(['/playground', '/console', '/explorer/assets/', '/explorer/assets/../manifest.json'])(
    'answers 404 at %s',
    async (path) => expect((await fetch(api.url + path)).status).toBe(404),
  );

  // fetch would resolve the dots before sending them.
  it.each([
    '/explorer/assets/../../../etc/passwd',
    '/explorer/assets/..%2f..',
    '/explorer/assets/%00',
  ])('answers 404 at %s, taken as it stands', async (path) => {
    const { hostname, port } = new URL(api.url);
    const status = await new Promise((resolve, reject) => {
      get({ hostname, port, path }, (answer) => {
        answer.resume();
        resolve(answer.statusCode);
      }).on('error', reject);
    });
    expect(status).toBe(404);
  });

  it('leads /explorer/ to /explorer', async () => {
    const answer = await fetch(`${api.url}/explorer/`, { redirect: 'manual' });
    expect([answer.status, answer.headers.get('location')]).toEqual([308, '/explorer']);
  });

  it('says that it is not built instead of stopping the server', async () => {
    const app = Fastify();
    await registerExplorer(app, {
      graphqlPath: '/graphql',
      demo: false,
      bundleDirectories: [ROOT],
    });
    const url = await app.listen({ port: 0, host: '127.0.0.1' });
    const answer = await fetch(`${url}/explorer`);
    expect(answer.status).toBe(503);
    expect(await answer.text()).toContain('npm run build:explorer');
    await app.close();
  });
});

if (CHROMIUM === undefined) {
  console.warn(
    'Skipped: the explorer in a browser. No Chromium at CHROMIUM_PATH or /usr/bin/chromium; `apt-get install chromium` brings one.',
  );
}
(CHROMIUM === undefined ? describe.skip : describe)('the explorer in a browser', () => {
  let browser: Browser;
  let api: ExplorerApi;
  let page: Page;
  let elsewhere: string[];
  let complaints: string[];

  beforeAll(async () => {
    // Playwright gives each launch a fresh user data directory and removes it.
    browser = await chromium.launch({ executablePath: CHROMIUM ?? '', args: CHROMIUM_FLAGS });
  });
  afterAll(() => browser.close());

  async function open(options: ExplorerApiOptions = {}): Promise<void> {
    api = await startExplorerApi(options);
    page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
    page.setDefaultTimeout(15_000);
    elsewhere = [];
    complaints = [];
    page.on('request', (request) => {
      const url = request.url();
      if (!url.startsWith(`${api.url}/`) && !url.startsWith('data:')) elsewhere.push(url);
    });
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(String(error)));
    await page.goto(`${api.url}/explorer`);
    await dialog().waitFor();
  }
  afterEach(async () => {
    await page.close();
    await api.close();
    expect(elsewhere).toEqual([]);
  });

  const dialog = () => page.getByRole('dialog');
  const bar = () => page.getByRole('region', { name: 'Session' });
  const answer = () => page.locator('.graphiql-response');
  const button = (name: string) => page.getByRole('button', { name, exact: true });

  async function signInAs(email: string, password?: string): Promise<void> {
    await dialog().getByLabel('Demo user').selectOption(email);
    if (password !== undefined) await dialog().getByLabel('Password').fill(password);
    await dialog().getByRole('button', { name: 'Sign in' }).click();
  }

  /** Opens a tab and runs it until its operation arrives: GraphiQL notes a tab's operation a moment late. */
  async function run(tab: string): Promise<void> {
    await page.locator('.graphiql-query-editor .view-line').first().waitFor();
    await page.getByRole('tab', { name: tab }).click();
    const before = api.operations.filter((name) => name === tab).length;
    for (let attempt = 0; attempt < 50; attempt++) {
      await page.getByRole('button', { name: /^Execute query/ }).click();
      await page.waitForTimeout(100);
      if (api.operations.filter((name) => name === tab).length > before) return;
    }
    throw new Error(
      `expected the operation ${tab} to reach the server, got ${api.operations.join()}`,
    );
  }

  it('signs in, runs examples, documents the schema, switches tenant and signs out', async () => {
    await open();
    await signInAs('member@acme.test');
    await bar().getByText('Robin member').waitFor();
    await bar().getByText('Acme · member').waitFor();

    await run('Pipeline');
    await answer().getByText('Acme customer 1').waitFor();

    await button('Show Documentation Explorer').click();
    await page.getByRole('link', { name: 'Query', exact: true }).click();
    await page.getByText('Who is signed in, and to which tenant.').waitFor();
    await page.getByRole('link', { name: 'AccountConnection' }).click();
    await page.getByRole('link', { name: 'Account', exact: true }).click();
    await page.getByText('The line of business, such as software.').waitFor();

    await button('Switch tenant').click();
    await signInAs('reader@hooli.test');
    await bar().getByText('Hooli · reader').waitFor();
    expect(await answer().textContent()).not.toContain('Acme');
    await run('Pipeline');
    await answer().getByText('Hooli customer 1').waitFor();
    expect(api.liveTokens()).toBe(1);

    await button('Sign out').click();
    await bar().getByText('Not signed in').waitFor();
    expect(await answer().textContent()).not.toContain('Hooli');
    await expect(until(() => api.liveTokens() === 0)).resolves.toBe(true);
    expect(complaints).toEqual([]);

    await run('FirstQuery');
    await answer().getByText('Sign in first.').waitFor();
  }, 90_000);

  it('tells a wrong password, then takes the right one', async () => {
    await open();
    await signInAs('admin@acme.test', 'not-the-password');
    const alert = dialog().getByRole('alert');
    await alert.waitFor();
    expect(await alert.textContent()).toBe('The e-mail or the password is wrong.');
    await dialog().getByLabel('Password').fill('correct-horse-battery');
    await page.keyboard.press('Enter');
    await bar().getByText('Acme · admin').waitFor();
  });

  it('asks which tenant when the password fits several', async () => {
    await open();
    await signInAs('agency@example.test');
    await dialog().getByRole('heading', { name: 'Choose an organisation' }).waitFor();
    await page.keyboard.press('Tab'); // the first choice has the focus; the second comes next
    await page.keyboard.press('Enter');
    await bar().getByText('Initech · admin').waitFor();
    expect(complaints).toEqual([]);
  });

  it('stays signed in over a reload, with the tokens nowhere in the storage meanwhile', async () => {
    await open();
    await signInAs('admin@globex.test');
    await bar().getByText('Globex · admin').waitFor();
    const stored = () => page.evaluate('JSON.stringify([{...sessionStorage}, {...localStorage}])');
    expect(await stored()).not.toMatch(/access-|refresh-/);
    await page.reload();
    await bar().getByText('Globex · admin').waitFor();
    expect(await stored()).not.toMatch(/access-|refresh-/);
    expect(complaints).toEqual([]);
  });

  it('refreshes a token that is about to expire before using it', async () => {
    await open({ accessTokenTtlMs: 5_000 });
    await signInAs('admin@acme.test');
    await run('FirstQuery');
    await answer().getByText('admin@acme.test').waitFor();
    const { operations } = api;
    expect(operations.lastIndexOf('RefreshSession')).toBe(operations.lastIndexOf('FirstQuery') - 1);
    expect(api.liveTokens()).toBe(1);
  });

  it('loads where the schema is hidden from the anonymous, and shows it after signing in', async () => {
    await open({ production: true });
    expect(await dialog().getByLabel('Demo user').count()).toBe(0);
    await dialog().getByLabel('E-mail').fill('admin@acme.test');
    await dialog().getByLabel('Password').fill('correct-horse-battery');
    await dialog().getByRole('button', { name: 'Sign in' }).click();
    await bar().getByText('Acme · admin').waitFor();
    await button('Show Documentation Explorer').click();
    await page.getByRole('link', { name: 'Query', exact: true }).waitFor();
  });

  it('brings back an example whose tab was closed', async () => {
    await open();
    await button('Not now').click();
    await page.getByRole('tab', { name: 'Pipeline' }).click();
    await page.getByRole('button', { name: 'Close Tab' }).click();
    await page.getByRole('tab', { name: 'Pipeline' }).waitFor({ state: 'detached' });
    await page.getByLabel('Open an example').selectOption('A page of the pipeline');
    await page.getByRole('tab', { name: 'Pipeline' }).waitFor();
    await page.getByText('accounts(first: $first').waitFor();
  });

  it('fits a narrow screen, the documentation over the editors', async () => {
    await open();
    await page.setViewportSize({ width: 400, height: 800 });
    await signInAs('admin@acme.test');
    await bar().getByText('Acme · admin').waitFor();
    await button('Show Documentation Explorer').click();
    await page.getByRole('link', { name: 'Query', exact: true }).click();
    await page.getByRole('link', { name: 'AccountConnection' }).click();
    await button('Hide Documentation Explorer').click();
    await run('FirstQuery');
    await answer().getByText('"Acme"', { exact: true }).waitFor();
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(400);
  });

  async function until(condition: () => boolean): Promise<boolean> {
    for (let attempt = 0; attempt < 100 && !condition(); attempt++) await page.waitForTimeout(50);
    return condition();
  }
});
