import { ReplyError } from 'ioredis';
import { StoreUnavailableError } from '../contracts/store-unavailable-error.js';

/** Answers of Redis that say "not now" rather than "your script is wrong"; older ones quote the cause. */
const UNAVAILABLE_REPLY =
  /(?:^|-)(LOADING|READONLY|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|NOREPLICAS|BUSY|OOM|MISCONF|UNBLOCKED)\b/;

/** The error that callers see: whatever keeps Redis from answering is `StoreUnavailableError`. */
export function toStoreError(error: unknown): unknown {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof ReplyError && !UNAVAILABLE_REPLY.test(message)) return error;
  return new StoreUnavailableError(`Redis does not answer: ${message}`, { cause: error });
}
