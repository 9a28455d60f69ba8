/**
 * Retakes the README's picture of the explorer from a running server with the demo's tenants:
 *   node test/support/explorer-screenshot.mjs [http://localhost:4000] [docs/images/explorer.png]
 * EXPLORER_SIZE=400x800, EXPLORER_THEME=dark and EXPLORER_STEP=dialog|docs|result give other views.
 */
import { chromium } from 'playwright-core';

const [origin = 'http://localhost:4000', file = 'docs/images/explorer.png'] = process.argv.slice(2);
const [width, height] = (process.env.EXPLORER_SIZE ?? '1280x800').split('x').map(Number);
const step = process.env.EXPLORER_STEP ?? 'docs';

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM_PATH ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'],
});
try {
  const page = await browser.newPage({
    viewport: { width, height },
    colorScheme: process.env.EXPLORER_THEME === 'dark' ? 'dark' : 'light',
  });
  await page.goto(`${origin}/explorer`);
  await page.getByRole('dialog').waitFor();
  if (step !== 'dialog') {
    await page.getByRole('dialog').getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('button', { name: 'Sign out' }).waitFor();
    await page.getByText('FirstQuery').nth(1).waitFor(); // in the editor: it is ready
    await page.getByRole('tab', { name: 'Pipeline' }).click();
    await page.waitForTimeout(500); // GraphiQL takes note of the tab's operation a moment later
    await page.getByRole('button', { name: /Execute query/ }).click();
    await page.locator('.graphiql-response').getByText('"accounts"').waitFor();
    if (step === 'docs') {
      await page.getByRole('button', { name: 'Show Documentation Explorer' }).click();
      await page
        .getByRole('link', { name: 'Query', exact: true })
        .or(page.getByText('Query', { exact: true }))
        .first()
        .click();
    }
  }
  await page.mouse.move(width / 2, height - 4);
  await page.waitForTimeout(800); // fades and smooth scrolling come to rest; only the picture depends on it
  await page.screenshot({ path: file });
} finally {
  await browser.close();
}
