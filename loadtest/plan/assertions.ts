import { parseDurationMs } from './duration.js';

const COMPARISONS = {
  '<': (a: number, b: number) => a < b,
  '<=': (a: number, b: number) => a <= b,
  '>': (a: number, b: number) => a > b,
  '>=': (a: number, b: number) => a >= b,
  '==': (a: number, b: number) => a === b,
  '!=': (a: number, b: number) => a !== b,
} as const;
export type Comparison = keyof typeof COMPARISONS;

export const TIMING_NAMES = ['connect', 'match', 'answer', 'wait', 'resume', 'lag', 'move'] as const;
export type TimingName = (typeof TIMING_NAMES)[number];
export const QUANTILES = ['p50', 'p90', 'p99', 'p999', 'max', 'mean', 'count'] as const;

/** Figures with a plain name. Timings (`match.p99`) and counts by code and reason (`refused.BUSY`) are further figures. */
export const COUNTS = [
  ...([
    'offered',
    'matched',
    'queued',
    'refused',
    'unanswered',
    'noClientFree',
    'lost',
    'overbooked',
  ] as const),
  ...([
    'outOfOrder',
    'otherViolations',
    'violations',
    'matchedPerSecond',
    'saturationPoint',
    'notConnected',
  ] as const),
  ...(['moved', 'movesFailed', 'interrupted'] as const),
] as const;

/** Values by figure. A figure that was not measured is absent. */
export type Figures = Readonly<Partial<Record<string, number>>>;

/** A condition on a figure that a run must meet, such as `match.p99<50`. */
export interface Assertion {
  readonly text: string;
  readonly figure: string;
  readonly comparison: Comparison;
  readonly value: number;
}

export interface AssertionResult extends Assertion {
  /** `undefined` when the figure was not measured: the assertion fails. */
  readonly actual: number | undefined;
  readonly holds: boolean;
}

/** @throws RangeError that names the wrong part, and the forms that are allowed */
export function parseAssertion(text: string): Assertion {
  const written = text.replace(/\.p99\.9(?!\d)/, '.p999');
  const parts =
    /^\s*(?<figure>[A-Za-z][\w.]*?)\s*(?<comparison><=|>=|==|!=|<|>)\s*(?<value>\d[\w.]*)\s*$/.exec(
      written,
    )?.groups;
  if (parts === undefined) {
    throw new RangeError(
      `"${text}" is not an assertion. Write a figure, a comparison and a value: match.p99<50, resume.max<=10s, lost==0.`,
    );
  }
  const { figure = '', comparison = '', value: valueText = '' } = parts;
  if (!isFigure(figure)) {
    throw new RangeError(
      `"${text}": there is no figure ${figure}. Use one of: ${TIMING_NAMES.join(', ')} with .${QUANTILES.join(', .')}; ${COUNTS.join(', ')}; refused.CODE; ended.REASON.`,
    );
  }
  const value = /^\d+(\.\d+)?$/.test(valueText) ? Number(valueText) : parseDurationMs(valueText);
  if (value === undefined) {
    throw new RangeError(`"${text}": ${valueText} is neither a number nor a time such as 50ms or 2s.`);
  }
  return { text, figure, comparison: comparison as Comparison, value };
}

function isFigure(name: string): boolean {
  if (COUNTS.some((count) => count === name)) return true;
  const [first = '', second = '', ...more] = name.split('.');
  if (more.length > 0) return false;
  if (first === 'refused') return /^[A-Z][A-Z_]*$/.test(second);
  if (first === 'ended') return /^[a-z][a-z_]*$/.test(second);
  return TIMING_NAMES.some((time) => time === first) && QUANTILES.some((quantile) => quantile === second);
}

/** Compares the figures of a run with the assertions. A code or reason that never occurred counts as 0. */
export function evaluateAssertions(assertions: readonly Assertion[], figures: Figures): AssertionResult[] {
  return assertions.map((assertion) => {
    const { figure, comparison, value } = assertion;
    const actual = figures[figure] ?? (/^(refused|ended)[.]/.test(figure) ? 0 : undefined);
    return {
      ...assertion,
      actual,
      holds: actual !== undefined && COMPARISONS[comparison](actual, value),
    };
  });
}
