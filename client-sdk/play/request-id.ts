/** A random UUID (RFC 9562, version 4). Browsers lack `crypto.randomUUID` on pages that were not served over HTTPS. */
export function createRequestId(): string {
  const hex = Array.from(crypto.getRandomValues(new Uint8Array(16)), (random, index) => {
    const version = index === 6 ? (random & 0x0f) | 0x40 : random;
    const byte = index === 8 ? (random & 0x3f) | 0x80 : version;
    return byte.toString(16).padStart(2, '0');
  });
  return hex.join('').replace(/(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}
