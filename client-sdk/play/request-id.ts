/** A random UUID (RFC 9562, version 4). Browsers lack `crypto.randomUUID` on pages that were not served over HTTPS. */
export function createRequestId(): string {
  return 'xxxxxxxx-xxxx-4xxx-yxxx-xxxxxxxxxxxx'.replace(/[xy]/g, (digit) => {
    const [random = 0] = crypto.getRandomValues(new Uint8Array(1));
    // In place of `y` two bits are the variant.
    return (digit === 'x' ? random & 0b1111 : 0b1000 | (random & 0b0011)).toString(16);
  });
}
