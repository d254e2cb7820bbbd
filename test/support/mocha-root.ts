import { stopShared } from './shared.js';

/** Rejections that nobody handled, with the test during which they came. */
const unhandled = new Map<Promise<unknown>, string>();
let running = 'no test';

// A rejection that nobody handles is a fault like an exception that nobody catches. It fails the run at its
// end: thrown here it would meet a test that is not to blame, or end the report.
process.on('unhandledRejection', (reason, promise) => {
  const what = reason instanceof Error ? (reason.stack ?? reason.message) : String(reason);
  // Mocha passes each on to us once more.
  if (!unhandled.has(promise)) unhandled.set(promise, `during "${running}": ${what}`);
});

export const mochaHooks = {
  beforeEach(this: Mocha.Context): void {
    running = this.currentTest?.fullTitle() ?? 'no test';
  },
  async afterAll(): Promise<void> {
    await stopShared();
    if (unhandled.size > 0)
      throw new Error(`rejections nobody handled:\n${[...unhandled.values()].join('\n')}`);
  },
};
