const FIN_TEXT = '\u0081';
const LENGTH_IN_TWO_BYTES = '\u007e';
const MAX_SHORT = 125;
const MAX_LENGTH = 0xffff;

/**
 * Encodes a server's text frame: unmasked, unfragmented (RFC 6455, section 5.2), as a string with one character per byte, to
 * be written as `latin1`. A socket writes one string at once, whereas `ws` makes a header, a copy and a vectored write.
 *
 * @returns `undefined` for text that is not ASCII or longer than 65,535 bytes; such frames are rare and left to `ws`
 */
export function textFrame(text: string): string | undefined {
  const { length } = text;
  if (length > MAX_LENGTH || Buffer.byteLength(text) !== length) return undefined;
  if (length <= MAX_SHORT) return FIN_TEXT + String.fromCharCode(length) + text;
  return FIN_TEXT + LENGTH_IN_TWO_BYTES + String.fromCharCode(length >> 8, length & 0xff) + text;
}
