import type { Scenario } from './scene.js';

const SECTION = '\n## Scenarios\n';
const BLOCK = /^### (?<heading>.*)$|^```text\n(?<trace>[\s\S]*?)\n?^```$/gm;

/** A scenario as the document shows it. */
export interface DocumentedTrace {
  readonly heading: string;
  readonly trace: string;
}

/** The heading of a scenario in the document. */
export function headingOf({ title }: Scenario, index: number): string {
  return `${index + 1}. ${title}`;
}

/** Scenarios of the document with their traces, in order. Throws if one has no trace, or several. */
export function documentedTraces(document: string): DocumentedTrace[] {
  const traces: DocumentedTrace[] = [];
  mapTraces(document, (heading, trace) => {
    traces.push({ heading, trace });
    return trace;
  });
  return traces;
}

/** The document with new traces, by heading. Traces that are not given stay. */
export function withTraces(document: string, traces: ReadonlyMap<string, string>): string {
  return mapTraces(document, (heading, trace) => traces.get(heading) ?? trace);
}

function mapTraces(document: string, change: (heading: string, trace: string) => string): string {
  const start = document.indexOf(SECTION);
  if (start < 0) throw new Error('PROTOCOL.md has no section "Scenarios"');
  const next = document.indexOf('\n## ', start + SECTION.length);
  const end = next < 0 ? document.length : next;
  /** Headings that have no trace yet. */
  const open: string[] = [];
  const section = document.slice(start, end).replace(BLOCK, (whole, heading?: string, trace?: string) => {
    if (heading !== undefined) {
      open.push(heading);
      return whole;
    }
    const of = open.pop();
    if (of === undefined) throw new Error('a trace in "Scenarios" has no heading of its own');
    return `\`\`\`text\n${change(of, trace ?? '')}\n\`\`\``;
  });
  if (open.length > 0) throw new Error(`scenarios without a trace: ${open.join('; ')}`);
  return document.slice(0, start) + section + document.slice(end);
}
