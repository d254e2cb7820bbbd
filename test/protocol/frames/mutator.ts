/** Random numbers from 0 up to 1, the same for the same seed (mulberry32). */
export type Random = () => number;

export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** A random item. */
export function pick<T>(random: Random, items: readonly T[]): T {
  return items[Math.floor(random() * items.length)]!;
}

/** A placeholder that is replaced in the JSON text, for values that `JSON.stringify` cannot write. */
const RAW = '@@raw@@';
const RAW_TEXTS = ['1e999', '-1e999', 'NaN', '0x10', '01', '1e400', '-0', '{"a":'.repeat(200), 'undefined'];

const VALUES: readonly unknown[] = [
  null,
  true,
  '',
  'next',
  'x'.repeat(300),
  '__proto__',
  'constructor',
  '\u0000\ud800',
  -1,
  0,
  0.5,
  1e308,
  2_147_483_648,
  2 ** 53,
  [],
  [[]],
  {},
  { length: 3 },
  RAW,
];

const KEYS = [
  '__proto__',
  'constructor',
  'toString',
  'type',
  'more',
  'token',
  'sessions',
  '',
  'rtt',
  'Ünïcode',
];

const CHARACTERS = Array.from('{}[]",:\\/0-9eEx .\u0000\t\u2028é😀');

/** Changes a frame up to three times. The result is sometimes valid. */
export function mutate(random: Random, frame: object, types: readonly string[]): string {
  let value: unknown = structuredClone(frame);
  let text: string | undefined;
  for (let changes = Math.floor(random() * 4); changes > 0; changes -= 1) {
    if (text === undefined && random() < 0.75) value = changeValue(random, value, types);
    else text = changeText(random, text ?? toText(random, value));
  }
  return text ?? toText(random, value);
}

function toText(random: Random, value: unknown): string {
  return JSON.stringify(value).replaceAll(`"${RAW}"`, () => pick(random, RAW_TEXTS));
}

/** Follows a random path into the value, and changes what is at its end. */
function changeValue(random: Random, value: unknown, types: readonly string[]): unknown {
  if (Array.isArray(value)) {
    if (value.length === 0 || random() < 0.3) return [...(value as unknown[]), pick(random, VALUES)];
    const at = Math.floor(random() * value.length);
    return (value as unknown[]).map((item, i) => (i === at ? changeValue(random, item, types) : item));
  }
  if (typeof value !== 'object' || value === null) return pick(random, VALUES);
  const entries: [string, unknown][] = Object.entries(value);
  const at = Math.floor(random() * entries.length);
  const chance = random();
  if (chance < 0.2) entries.splice(at, 1);
  else if (chance < 0.4) entries.push([pick(random, KEYS), pick(random, VALUES)]);
  else if (chance < 0.5) entries.push(['type', pick(random, types)]);
  else {
    const [key, inner]: [string, unknown] = entries[at] ?? ['more', 1];
    entries[at] = [key, random() < 0.5 ? changeValue(random, inner, types) : pick(random, VALUES)];
  }
  // `Object.defineProperty`, so that `__proto__` becomes an ordinary key.
  const changed = {};
  for (const [key, inner] of entries) {
    Object.defineProperty(changed, key, {
      value: inner,
      enumerable: true,
      configurable: true,
      writable: true,
    });
  }
  return changed;
}

function changeText(random: Random, text: string): string {
  const at = Math.floor(random() * text.length);
  const length = 1 + Math.floor(random() * 8);
  const [head, tail] = [text.slice(0, at), text.slice(at)];
  switch (Math.floor(random() * 5)) {
    case 0:
      return head + pick(random, CHARACTERS) + tail.slice(1);
    case 1:
      return head + tail.slice(length);
    case 2:
      return head + pick(random, CHARACTERS) + tail;
    case 3:
      return head + tail.slice(0, length) + tail;
    default:
      return head;
  }
}
