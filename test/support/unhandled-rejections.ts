/** Rejections that nobody handled, with the test during which they came. */
const unhandled = new Map<Promise<unknown>, string>();
let running = 'no test';

// A rejection that nobody handles is a fault like an exception that nobody catches. It fails the run at the end of
// its file: thrown here it would fail a test that is not to blame, or end the report.
function record(reason: unknown, promise: Promise<unknown>): void {
  const what = reason instanceof Error ? (reason.stack ?? reason.message) : String(reason);
  // Mocha passes each on to us once more.
  if (!unhandled.has(promise)) unhandled.set(promise, `during "${running}": ${what}`);
}

/** A worker of Mocha removes all listeners after each file, so this has to be called before each. */
export function watchUnhandledRejections(): void {
  process.off('unhandledRejection', record);
  process.on('unhandledRejection', record);
}

/** @param title the test that runs now: a message names it */
export function setRunningTest(title: string): void {
  running = title;
}

/** Throws when there were some since the last call. */
export function failOnUnhandledRejections(): void {
  if (unhandled.size === 0) return;
  const messages = [...unhandled.values()];
  unhandled.clear();
  throw new Error(`rejections nobody handled:\n${messages.join('\n')}`);
}
