import type { Random } from '@duskline/sdk-runtime';

/**
 * A random UUID (RFC 9562, version 4). Browsers lack `crypto.randomUUID` on pages that were not served over HTTPS.
 *
 * @param count of the client's requests. It makes the last digits, so that the ids of a client differ whatever `random` returns.
 */
export function createRequestId(random: Random, count: number): string {
  const id = 'xxxxxxxx-xxxx-4xxx-yxxx-xxxxxxxx'.replace(/[xy]/g, (digit) =>
    // In place of `y` two bits are the variant.
    (digit === 'x' ? Math.floor(random() * 16) : 8 + Math.floor(random() * 4)).toString(16),
  );
  return id + (count % 0x10000).toString(16).padStart(4, '0');
}
