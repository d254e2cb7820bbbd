// Draws docs/demo.svg from a real run of `duskline demo`: the screen at the end of the run, and the share of slots in
// use through the day in each region. Needs `npm run build`.
// Usage: npm run docs:picture [-- SECONDS [OPTION OF THE DEMO]...]     SECONDS: length of the run and of its day
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { format } from 'prettier';

const FILE = fileURLToPath(new URL('../docs/demo.svg', import.meta.url));
const COMMAND = fileURLToPath(new URL('../server/bin/duskline.js', import.meta.url));
const DAY_SECONDS = Number(process.argv[2] ?? 120);

/** Makes the demo draw its table although its standard output is a pipe. */
const AS_TERMINAL = ['--import', 'data:text/javascript,process.stdout.isTTY=true'];

const COLUMN = 8.4; // width of a character at FONT_SIZE
const FONT_SIZE = 14;
const LINE = 22;
const MARGIN = 24;
const TOP = 58; // below the title bar
const CELLS = 72; // one for every 20 minutes of the day

const screens = await runDemo();
const lines = screens.at(-1).split('\n');
if (rowsOf(lines).every(({ share }) => share === 0)) {
  throw new Error(
    'There are no players at the end of the run: the machine is too busy for it. Use a longer day: npm run docs:picture -- 400',
  );
}
await writeFile(FILE, await format(draw(lines, dayOf(screens)), { parser: 'html', printWidth: 300 }));
console.log(`${FILE}: ${screens.length} screens of a day in ${DAY_SECONDS} s`);

/** Runs the demo. @returns all screens that it drew, as plain text */
async function runDemo() {
  const args = [
    'demo',
    ...process.argv.slice(3),
    '--seconds',
    String(DAY_SECONDS),
    '--day-seconds',
    String(DAY_SECONDS),
  ];
  const demo = spawn(process.execPath, ['--max-semi-space-size=32', ...AS_TERMINAL, COMMAND, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  demo.stdout.setEncoding('utf8').on('data', (text) => (output += text));
  const [code] = await once(demo, 'close');
  if (code !== 0) throw new Error(`duskline demo ended with exit code ${code}`);
  // Each screen begins with the escape sequence that moves the cursor home. The figures follow the last screen.
  const drawn = output.split('\x1b[H').slice(1);
  // eslint-disable-next-line no-control-regex -- removes escape sequences
  return drawn.map((screen) => screen.split('\x1b[J')[0].replaceAll(/\x1b\[[?0-9;]*[A-Za-z]/g, ''));
}

/** For each region, in the order of the table: the share of slots in use through the day, from 0 to 1. */
function dayOf(all) {
  const regions = new Map();
  for (const screen of all) {
    for (const { region, share } of rowsOf(screen.split('\n'))) {
      regions.set(region, [...(regions.get(region) ?? []), share]);
    }
  }
  return [...regions].map(([region, shares]) => ({
    region,
    cells: Array.from({ length: CELLS }, (_, i) => shares[Math.floor((i * shares.length) / CELLS)]),
  }));
}

function rowsOf(text) {
  return text.flatMap((line) => {
    const [, region, percent] = /^([a-z][a-z-]*) .*?(\d+) %/.exec(line) ?? [];
    return region === undefined ? [] : [{ region, share: Number(percent) / 100 }];
  });
}

function draw(text, day) {
  const width = Math.round(2 * MARGIN + COLUMN * Math.max(...text.map((line) => line.length)));
  const screenHeight = TOP + text.length * LINE;
  const height = screenHeight + 44 + day.length * 18 + 40;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-label="A day of duskline demo">
<title>duskline demo: the share of slots in use, region by region, through a day</title>
<style>
text { font: ${FONT_SIZE}px ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace; fill: #c9d1d9 }
.dim { fill: #8b949e }
.bright { fill: #f0f6fc }
.small { font-size: 12px }
</style>
<rect width="${width}" height="${height}" rx="10" fill="#161b22" />
<circle cx="22" cy="20" r="6" fill="#f85149" /><circle cx="42" cy="20" r="6" fill="#d29922" /><circle cx="62" cy="20" r="6" fill="#3fb950" />
<text class="dim" x="${width / 2}" y="25" text-anchor="middle">npm run demo</text>
${text.map((line, i) => drawLine(line, TOP + i * LINE)).join('\n')}
${drawDay(day, screenHeight + 10, width)}
</svg>`;
}

/** Draws one line of the screen: each word at its column, independent of the width of the reader's font, bars as rectangles. */
function drawLine(line, y) {
  const tone = /^(region|matched|Duskline)/.exec(line);
  const bars = [...line.matchAll(/[█░]+/g)].map(({ 0: bar, index }) => {
    const used = bar.lastIndexOf('█') + 1;
    const x = MARGIN + index * COLUMN;
    const part = (from, count, fill) =>
      `<rect x="${(x + from * COLUMN).toFixed(1)}" y="${y - 11}" width="${(count * COLUMN).toFixed(1)}" height="13" fill="${fill}" />`;
    return part(0, bar.length, '#30363d') + part(0, used, colourOf(used / bar.length));
  });
  const words = [...line.replaceAll(/[█░]/g, ' ').matchAll(/\S+(?: \S+)*/g)].map(({ 0: words_, index }) => {
    const x = (MARGIN + index * COLUMN).toFixed(1);
    const length = (words_.length * COLUMN).toFixed(1);
    const name = tone?.[0] === 'region' ? 'dim' : tone ? 'bright' : '';
    return `<text class="${name}" x="${x}" y="${y}" textLength="${length}">${escape(words_)}</text>`;
  });
  return bars.join('') + words.join('');
}

function drawDay(day, top, width) {
  const left = MARGIN + 14 * COLUMN;
  const cell = (width - MARGIN - left) / CELLS;
  const rows = day.map(({ region, cells }, row) => {
    const y = top + 30 + row * 18;
    const name = `<text class="small" x="${MARGIN}" y="${y + 11}">${region}</text>`;
    const strip = cells.map((share, i) => {
      const x = (left + i * cell).toFixed(1);
      return `<rect x="${x}" y="${y}" width="${(cell - 0.6).toFixed(1)}" height="14" fill="${colourOf(share)}" />`;
    });
    return name + strip.join('');
  });
  const hours = [0, 6, 12, 18, 24].map((after) => {
    const x = (left + (after / 24) * (width - MARGIN - left)).toFixed(1);
    const anchor = after === 0 ? 'start' : after === 24 ? 'end' : 'middle';
    const clock = `${String((16 + after) % 24).padStart(2, '0')}:00 UTC`;
    return `<text class="dim small" x="${x}" y="${top + 30 + day.length * 18 + 18}" text-anchor="${anchor}">${clock}</text>`;
  });
  const title = `<text class="bright" x="${MARGIN}" y="${top + 16}">The whole run: slots in use, from few (dark) to all (bright)</text>`;
  return [title, ...rows, ...hours].join('\n');
}

/** A colour from grey-blue over blue and violet to amber. Brightness grows with the share, so the scale works without colour. */
function colourOf(share) {
  const stops = [
    [0, [33, 41, 54]],
    [0.35, [47, 92, 156]],
    [0.65, [139, 111, 201]],
    [0.85, [232, 139, 108]],
    [1, [255, 214, 102]],
  ];
  const above = Math.max(
    1,
    stops.findIndex(([at]) => at >= share),
  );
  const [low, from] = stops[above - 1];
  const [high, to] = stops[above];
  const part = (share - low) / (high - low);
  return `#${from
    .map((c, i) =>
      Math.round(c + (to[i] - c) * part)
        .toString(16)
        .padStart(2, '0'),
    )
    .join('')}`;
}

function escape(text) {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
