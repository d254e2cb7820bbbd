import { ReplyError } from 'ioredis';
import { StoreUnavailableError } from '../contracts/store-unavailable-error.js';

/** Errors of Redis that are temporary and no fault of a script; older versions of Redis quote the cause. */
const UNAVAILABLE_REPLY =
  /(?:^|-)(LOADING|READONLY|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|NOREPLICAS|BUSY|OOM|MISCONF|UNBLOCKED)\b/;

/** The error that callers see: whatever keeps Redis from answering is `StoreUnavailableError`. */
export function toStoreError(error: unknown): unknown {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof ReplyError && !UNAVAILABLE_REPLY.test(message)) return error;
  return new StoreUnavailableError(`Redis does not answer: ${message}`, { cause: error });
}
