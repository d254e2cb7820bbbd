/** Unhandled rejections, with the title of the test that was running. */
const unhandled = new Map<Promise<unknown>, string>();
let running = 'no test';

// An unhandled rejection fails the run at the end of its file. Thrown at once, it would fail an unrelated test or end the
// report.
function record(reason: unknown, promise: Promise<unknown>): void {
  const what = reason instanceof Error ? (reason.stack ?? reason.message) : String(reason);
  // Mocha emits each rejection a second time.
  if (!unhandled.has(promise)) unhandled.set(promise, `during "${running}": ${what}`);
}

/** Call it before each file, because a Mocha worker removes all listeners after each file. */
export function watchUnhandledRejections(): void {
  process.off('unhandledRejection', record);
  process.on('unhandledRejection', record);
}

/** Sets the title of the running test, which error messages name. */
export function setRunningTest(title: string): void {
  running = title;
}

/** Throws when there were unhandled rejections since the last call. */
export function failOnUnhandledRejections(): void {
  if (unhandled.size === 0) return;
  const messages = [...unhandled.values()];
  unhandled.clear();
  throw new Error(`Unhandled rejections:\n${messages.join('\n')}`);
}
