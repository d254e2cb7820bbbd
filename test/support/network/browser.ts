import { readFileSync } from 'node:fs';
import { chromium, type Browser, type ConsoleMessage, type Page } from 'playwright-core';
import { createSharedResource } from '../shared-resource.js';

/** Turns off background requests, first-run pages and the GPU. */
const ARGS = [
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-gpu',
  '--disable-quic',
  '--disable-sync',
  '--no-first-run',
  // Only our own pages are loaded; in containers, and for root, the sandbox does not start.
  '--no-sandbox',
];

/** Deadline of each step of a page. */
const DEADLINE_MS = 8_000;

/** Options of `inPage`. */
export interface PageOptions {
  /** Console errors that do not fail the test, such as a refused connection. */
  readonly expected?: readonly RegExp[];
}

const shared = createSharedResource(async () => {
  const browser = await chromium.launch({ executablePath: executablePath(), args: ARGS });
  return { browser, stop: () => browser.close() };
});

/**
 * Runs a test in a new page with a new profile. The whole run shares one browser. Rejects when the test rejects, and when
 * the page threw, had an unhandled rejection, or logged an error that is not in `expected`.
 */
export async function inPage(
  test: (page: Page) => Promise<void>,
  { expected = [] }: PageOptions = {},
): Promise<void> {
  const context = await (await startedBrowser()).newContext();
  const faults: string[] = [];
  const recordFault = (text: string): void => {
    if (!expected.some((pattern) => pattern.test(text))) faults.push(text);
  };
  try {
    context.setDefaultTimeout(DEADLINE_MS);
    const page = await context.newPage();
    page.on('console', (message) => {
      if (message.type() === 'error') recordFault(describe(message));
    });
    page.on('pageerror', (error) => recordFault(error.stack ?? error.message));
    page.on('crash', () => recordFault('the page crashed'));
    try {
      await test(page);
    } catch (cause) {
      const shown = await page.locator('body').innerText().catch(String);
      throw new Error([String(cause), 'The page shows:', shown, 'Its errors:', ...faults].join('\n'), {
        cause,
      });
    }
  } finally {
    await context.close();
  }
  if (faults.length > 0) throw new Error(['The page reports errors:', ...faults].join('\n'));
}

async function startedBrowser(): Promise<Browser> {
  return (await shared.get()).browser;
}

/** The text alone does not say which resource was missing. */
function describe(message: ConsoleMessage): string {
  return `${message.text()} (${message.location().url})`;
}

/** Path of the Chromium that `scripts/ensure-chromium.mjs` found. */
function executablePath(): string {
  const record = new URL('../../../../node_modules/.cache/duskline/chromium.json', import.meta.url);
  try {
    return (JSON.parse(readFileSync(record, 'utf8')) as { executablePath: string }).executablePath;
  } catch (cause) {
    throw new Error('No Chromium was found. Run `node scripts/ensure-chromium.mjs` first.', { cause });
  }
}
