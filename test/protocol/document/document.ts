import { readFileSync } from 'node:fs';

/** Path from the compiled tests in `test/dist/protocol/document`. */
export const PROTOCOL_FILE = new URL('../../../../PROTOCOL.md', import.meta.url);

export interface CodeBlock {
  readonly language: string;
  readonly text: string;
  /** The headings above it. */
  readonly section: string;
  readonly subsection: string;
}

export interface Table {
  readonly header: readonly string[];
  readonly rows: readonly (readonly string[])[];
  readonly section: string;
}

export interface ProtocolDocument {
  readonly text: string;
  readonly blocks: readonly CodeBlock[];
  readonly tables: readonly Table[];
  /** Headings of the second and third level; the latter as `section/subsection`. */
  readonly headings: readonly string[];
}

export function readProtocolDocument(): ProtocolDocument {
  return readDocument(PROTOCOL_FILE);
}

/** Parses headings, fenced code blocks and tables of the page. */
export function readDocument(file: URL): ProtocolDocument {
  const text = readFileSync(file, 'utf8');
  const blocks: CodeBlock[] = [];
  const tables: Table[] = [];
  const headings: string[] = [];
  let section = '';
  let subsection = '';
  let fence: { language: string; lines: string[] } | undefined;
  let table: string[][] = [];

  function endTable(): void {
    const [header, , ...rows] = table;
    if (header !== undefined) tables.push({ header, rows, section });
    table = [];
  }

  for (const line of text.split('\n')) {
    if (fence !== undefined) {
      if (line === '```') {
        blocks.push({ language: fence.language, text: fence.lines.join('\n'), section, subsection });
        fence = undefined;
      } else fence.lines.push(line);
      continue;
    }
    if (line.startsWith('|')) {
      table.push(cellsOf(line));
      continue;
    }
    endTable();
    if (line.startsWith('```')) fence = { language: line.slice(3), lines: [] };
    else if (line.startsWith('## ')) {
      section = line.slice(3);
      subsection = '';
      headings.push(section);
    } else if (line.startsWith('### ')) {
      subsection = bare(line.slice(4));
      headings.push(`${section}/${subsection}`);
    }
  }
  endTable();
  return { text, blocks, tables, headings };
}

/** The only table of this section whose first column has this heading. */
export function tableOf(document: ProtocolDocument, section: string, firstColumn: string): Table {
  const found = document.tables.filter(
    (table) => table.section === section && table.header[0] === firstColumn,
  );
  const [table] = found;
  if (table === undefined || found.length > 1) {
    throw new Error(`${found.length} tables "${firstColumn}" in section "${section}"`);
  }
  return table;
}

/** Text of a cell or heading without backticks. */
export function bare(text: string): string {
  return text.replaceAll('`', '').trim();
}

function cellsOf(line: string): string[] {
  return line
    .slice(1, line.lastIndexOf('|'))
    .split('|')
    .map((cell) => cell.trim());
}
