import type { Random } from '@duskline/sdk-runtime';

/** A random UUID (RFC 9562, version 4). Browsers lack `crypto.randomUUID` on pages that were not served over HTTPS. */
export function createRequestId(random: Random): string {
  return 'xxxxxxxx-xxxx-4xxx-yxxx-xxxxxxxxxxxx'.replace(/[xy]/g, (digit) =>
    // In place of `y` two bits are the variant.
    (digit === 'x' ? Math.floor(random() * 16) : 8 + Math.floor(random() * 4)).toString(16),
  );
}
