/** What would break out of its line, or give the terminal orders. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/**
 * Columns as wide as their widest cell, two spaces between them. Ends with a line break. Some cells are words of hosts:
 * what cannot be printed in a line is shown as `�`.
 */
export function renderTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [head, ...rows].map((row) => row.map((cell) => cell.replace(UNPRINTABLE, '\uFFFD')));
  const widths = head.map((_, column) => Math.max(...all.map((row) => (row[column] ?? '').length)));
  return all
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .map((line) => `${line}\n`)
    .join('');
}

/** A share from 0 to 1 as a bar of so many characters; more than 1 fills it. */
export function renderBar(share: number, width: number): string {
  const full = Math.round(Math.min(Math.max(share, 0), 1) * width);
  return '█'.repeat(full) + '░'.repeat(width - full);
}

/** `0.256` as ` 26 %`: right-aligned, so that columns of it line up. */
export function formatPercent(share: number): string {
  return `${String(Math.round(share * 100)).padStart(3)} %`;
}
