/**
 * Waits for a promise, at most this long. Rejects at the deadline with an error that says what was awaited.
 *
 * @param awaited what should have happened; a function if the message shows the state at the deadline
 */
export async function within<T>(
  deadlineMs: number,
  awaited: string | (() => string),
  promise: Promise<T>,
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const expired = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const what = typeof awaited === 'string' ? awaited : awaited();
      reject(new Error(`This did not happen within ${deadlineMs} ms: ${what}`));
    }, deadlineMs);
  });
  try {
    return await Promise.race([promise, expired]);
  } finally {
    clearTimeout(timer);
  }
}
