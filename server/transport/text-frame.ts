const FIN_TEXT = '\u0081';
const LENGTH_IN_TWO_BYTES = '\u007e';
const MAX_SHORT = 125;
const MAX_LENGTH = 0xffff;

/**
 * A text frame as a server sends it, not masked and in one piece (RFC 6455, 5.2), one character a byte: to be written
 * as `latin1`. A socket writes such a text at once, where `ws` makes a header, a copy and a vectored write of two parts.
 *
 * @returns `undefined` for a text that takes more than a byte a character, or is longer than 65,535: those are rare, and
 *   `ws` frames them
 */
export function textFrame(text: string): string | undefined {
  const { length } = text;
  if (length > MAX_LENGTH || Buffer.byteLength(text) !== length) return undefined;
  if (length <= MAX_SHORT) return FIN_TEXT + String.fromCharCode(length) + text;
  return FIN_TEXT + LENGTH_IN_TWO_BYTES + String.fromCharCode(length >> 8, length & 0xff) + text;
}
