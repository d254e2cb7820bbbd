import { readFileSync } from 'node:fs';
import { chromium, type Browser, type ConsoleMessage, type Page } from 'playwright-core';
import { createSharedResource } from '../shared-resource.js';

/** Nothing but the test's own pages: no look at the network, no first steps, no graphics card. */
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

/** What a person would put up with, and no longer. */
const DEADLINE_MS = 8_000;

export interface PageOptions {
  /** What the console may report as an error without failing the test, such as a refused connection. */
  readonly expected?: readonly RegExp[];
}

const shared = createSharedResource(async () => {
  const browser = await chromium.launch({ executablePath: executablePath(), args: ARGS });
  return { browser, stop: () => browser.close() };
});

/**
 * Runs a test in a page of its own, in a profile of its own; the browser is one for the whole run.
 * Rejects when the test does, and when the page threw, left a rejection unhandled, or wrote errors to the
 * console that are not expected.
 */
export async function inPage(
  test: (page: Page) => Promise<void>,
  { expected = [] }: PageOptions = {},
): Promise<void> {
  const context = await (await startedBrowser()).newContext();
  const faults: string[] = [];
  const note = (text: string): void => {
    if (!expected.some((pattern) => pattern.test(text))) faults.push(text);
  };
  try {
    context.setDefaultTimeout(DEADLINE_MS);
    const page = await context.newPage();
    page.on('console', (message) => {
      if (message.type() === 'error') note(describe(message));
    });
    page.on('pageerror', (error) => note(error.stack ?? error.message));
    page.on('crash', () => note('the page crashed'));
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

/** What `scripts/ensure-chromium.mjs` found. */
function executablePath(): string {
  const record = new URL('../../../../node_modules/.cache/duskline/chromium.json', import.meta.url);
  try {
    return (JSON.parse(readFileSync(record, 'utf8')) as { executablePath: string }).executablePath;
  } catch (cause) {
    throw new Error('No Chromium is known: run `node scripts/ensure-chromium.mjs` first.', { cause });
  }
}
