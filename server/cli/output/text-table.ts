/** Characters that would break a line or control the terminal. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/**
 * Renders columns as wide as their widest cell, with two spaces between them and a line break at the end. Some cells contain
 * text from hosts, so unprintable characters are replaced by `�`.
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

/** Renders a share as a bar of `width` characters. Shares below 0 or above 1 are clamped. */
export function renderBar(share: number, width: number): string {
  const full = Math.round(Math.min(Math.max(share, 0), 1) * width);
  return '█'.repeat(full) + '░'.repeat(width - full);
}

/** Formats 0.256 as ` 26 %`, right-aligned for columns. */
export function formatPercent(share: number): string {
  return `${String(Math.round(share * 100)).padStart(3)} %`;
}
