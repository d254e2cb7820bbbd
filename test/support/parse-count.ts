/**
 * Reads the whole number of an option of a command line.
 *
 * @throws Error that names the option when the text is another one, or the number is below `min`
 */
export function parseCount(option: string, text: string, min: number): number {
  const count = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(count) || count < min) {
    throw new Error(`${option} "${text}" is not valid. Give a whole number of at least ${min}.`);
  }
  return count;
}
