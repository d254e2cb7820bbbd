/** One line of a chart; `null` leaves a gap. */
export interface Series {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number | null])[];
  /** Drawn as a thin line, where another one is the subject. */
  readonly isQuiet?: boolean;
}

/** An event on the time axis. With `untilX` it lasted. */
export interface Mark {
  readonly label: string;
  readonly x: number;
  readonly untilX?: number;
}

export interface LineChartOptions {
  readonly title: string;
  readonly series: readonly Series[];
  readonly marks: readonly Mark[];
  /** In seconds. */
  readonly maxX: number;
  /** Formats a value for the ticks of the axis and the tooltips. */
  readonly format: (value: number) => string;
  /** Logarithmic y axis, for durations with long tails. */
  readonly isLogarithmic?: boolean;
  /** The y axis reaches at least this value. */
  readonly leastMaxY?: number;
}

const WIDTH = 900;
const HEIGHT = 260;
const LEFT = 64;
const RIGHT = 16;
const TOP = 22;
const BOTTOM = 30;

/** Smaller values are drawn as 0. */
const SMALLEST = 1e-3;

/** Number of line colours in the style sheet of the page. */
const COLOURS = 8;

/** Renders a chart as inline SVG. The style sheet of the page determines its colours and fonts. */
export function lineChart(options: LineChartOptions): string {
  const { title, series, marks, maxX, format } = options;
  const values = series.flatMap(({ points }) => points.flatMap(([, y]) => (y === null ? [] : [y])));
  const scale =
    options.isLogarithmic === true ? logScale(values) : linearScale(values, options.leastMaxY ?? 0);
  const x = (value: number): number => LEFT + (value / Math.max(maxX, 1e-9)) * (WIDTH - LEFT - RIGHT);
  const y = (value: number): number => HEIGHT - BOTTOM - scale.share(value) * (HEIGHT - TOP - BOTTOM);
  const body = [
    ...scale.ticks.map((tick) => {
      const at = y(tick).toFixed(1);
      return `<line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${at}" y2="${at}"/><text class="tick" x="${LEFT - 8}" y="${at}" dy="0.35em" text-anchor="end">${escape(format(tick))}</text>`;
    }),
    ...timeTicks(maxX).map((tick) => {
      return `<text class="tick" x="${x(tick).toFixed(1)}" y="${HEIGHT - 8}" text-anchor="middle">${tick} s</text>`;
    }),
    ...marks.map((mark, index) => renderMark(mark, index, x)),
    ...series.map((line, index) => renderSeries(line, index, x, y, format)),
  ];
  const legend = series.map(({ name }, index) => {
    return `<span><i class="key c${index % COLOURS}"></i>${escape(name)}</span>`;
  });
  return `<figure><figcaption>${escape(title)}<span class="legend">${legend.join('')}</span></figcaption>
<div class="plot"><svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escape(title)}">${body.join('\n')}</svg></div></figure>`;
}

function renderSeries(
  { name, points, isQuiet = false }: Series,
  index: number,
  x: (value: number) => number,
  y: (value: number) => number,
  format: (value: number) => string,
): string {
  const colour = `c${index % COLOURS}${isQuiet ? ' quiet' : ''}`;
  let path = '';
  let isDown = false;
  const dots: string[] = [];
  for (const [i, [at, value]] of points.entries()) {
    if (value === null) {
      isDown = false;
      continue;
    }
    const [px, py] = [x(at).toFixed(1), y(value).toFixed(1)];
    path += `${isDown ? 'L' : 'M'}${px} ${py}`;
    const isAlone = !isDown && (points[i + 1]?.[1] ?? null) === null;
    isDown = true;
    const tip = `<title>${escape(`${name}, ${at} s: ${format(value)}`)}</title>`;
    // A point without neighbours has no line: it is drawn as a visible dot.
    dots.push(
      `<circle class="${isAlone ? 'dot' : 'spot'} ${colour}" cx="${px}" cy="${py}" r="${isAlone ? 2.5 : 6}">${tip}</circle>`,
    );
  }
  return `<path class="line ${colour}" d="${path}"/>${dots.join('')}`;
}

function renderMark({ label, x: at, untilX }: Mark, index: number, x: (value: number) => number): string {
  const [from, until] = [x(at), x(untilX ?? at)];
  const band =
    untilX === undefined
      ? ''
      : `<rect class="band" x="${from.toFixed(1)}" y="${TOP}" width="${Math.max(1, until - from).toFixed(1)}" height="${HEIGHT - TOP - BOTTOM}"/>`;
  const line = `<line class="mark" x1="${from.toFixed(1)}" x2="${from.toFixed(1)}" y1="${TOP}" y2="${HEIGHT - BOTTOM}"/>`;
  const number = `<text class="mark-number" x="${from.toFixed(1)}" y="${TOP - 7}" text-anchor="middle">${index + 1}</text>`;
  return `<g>${band}${line}${number}<title>${escape(label)}</title></g>`;
}

interface Scale {
  readonly ticks: readonly number[];
  /** Position of a value, from 0 at the bottom to 1 at the top. */
  share(value: number): number;
}

function linearScale(values: readonly number[], leastMax: number): Scale {
  const max = Math.max(leastMax, ...values, 0);
  const step = niceStep(max / 5);
  const top = Math.max(step, Math.ceil(max / step - 1e-9) * step);
  const ticks = Array.from({ length: Math.round(top / step) + 1 }, (_, i) =>
    Number((i * step).toPrecision(6)),
  );
  return { ticks, share: (value) => value / top };
}

function logScale(values: readonly number[]): Scale {
  const positive = values.filter((value) => value > SMALLEST);
  const low = Math.floor(Math.log10(Math.min(1, ...positive)));
  const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(1, ...positive)) - 1e-9));
  const ticks = Array.from({ length: high - low + 1 }, (_, i) => Number((10 ** (low + i)).toPrecision(6)));
  return {
    ticks,
    share: (value) => (Math.log10(Math.max(value, 10 ** low)) - low) / (high - low),
  };
}

/** The smallest of 1, 2 or 5 times a power of ten that is at least `least`. */
export function niceStep(least: number): number {
  if (!(least > SMALLEST)) return 1;
  const power = 10 ** Math.floor(Math.log10(least));
  const step = [1, 2, 5, 10].find((factor) => factor * power >= least * (1 - 1e-9)) ?? 10;
  return Number((step * power).toPrecision(6));
}

function timeTicks(maxX: number): number[] {
  const step = niceStep(maxX / 8);
  return Array.from({ length: Math.floor(maxX / step + 1e-9) + 1 }, (_, i) =>
    Number((i * step).toPrecision(6)),
  );
}

/** Escapes text for HTML and SVG. */
export function escape(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}
