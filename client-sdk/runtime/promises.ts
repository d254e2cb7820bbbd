import { abortError } from '../errors.js';

/** A promise that is resolved or rejected from outside. Its rejection never counts as unhandled. */
export class Deferred<Value> {
  resolve!: (value: Value) => void;
  reject!: (error: Error) => void;
  readonly promise = new Promise<Value>((resolve, reject) => {
    this.resolve = resolve;
    this.reject = reject;
  });

  constructor() {
    this.promise.catch(() => undefined);
  }
}

/**
 * Calls `listener` when `signal` aborts, or at once if it has aborted already.
 *
 * @returns a function that removes the listener
 */
export function onAbort(signal: AbortSignal, listener: () => void): () => void {
  if (signal.aborted) listener();
  signal.addEventListener('abort', listener);
  return () => signal.removeEventListener('abort', listener);
}

/**
 * Waits for `promise`, or until `signal` aborts.
 *
 * @throws DusklineError `ABORTED`
 */
export async function waitUnlessAborted<Value>(
  promise: Promise<Value>,
  signal: AbortSignal | undefined,
): Promise<Value> {
  if (signal === undefined) return promise;
  const aborted = new Deferred<never>();
  const removeListener = onAbort(signal, () => aborted.reject(abortError(signal)));
  try {
    return await Promise.race([aborted.promise, promise]);
  } finally {
    removeListener();
  }
}
