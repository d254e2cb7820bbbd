/** Rounds to three decimal places. */
export function roundToThousandth(value: number): number {
  return Math.round(value * 1_000) / 1_000;
}
