import { parseArgs, type ParseArgsConfig } from 'node:util';
import { parseCount } from '../support/parse-count.js';

type Options = NonNullable<ParseArgsConfig['options']>;
type Values<Given extends Options> = ReturnType<typeof parseArgs<{ options: Given }>>['values'];

/** Reads the options of a benchmark. With `--help` it prints `usage`, with an invalid option the error, and ends the process. */
export function readOptions<const Given extends Options>(usage: string, options: Given): Values<Given> {
  const withHelp: Options = { ...options, help: { type: 'boolean', short: 'h', default: false } };
  try {
    const { values } = parseArgs({ options: withHelp });
    if (values['help'] === true) {
      process.stdout.write(usage);
      process.exit();
    }
    return values as Values<Given>;
  } catch (error) {
    return refuse(error instanceof Error ? `${error.message}.` : String(error));
  }
}

/** Reads a list of names that are separated by commas. A name that is not in `known` ends the process with an error. */
export function readNames<Name extends string>(
  option: string,
  text: string,
  known: readonly Name[],
): ReadonlySet<Name> {
  const names = text.split(',').filter((name) => name !== '');
  for (const name of names) {
    if (!(known as readonly string[]).includes(name)) {
      refuse(
        `${option} "${name}" is not valid. Give one or more of ${known.join(', ')}, separated by commas.`,
      );
    }
  }
  return new Set(names as Name[]);
}

/** Reads a number above 0. Any other text ends the process with an error. */
export function readNumber(option: string, text: string): number {
  const value = Number(text);
  if (!(value > 0 && value < Infinity)) refuse(`${option} "${text}" is not valid. Give a number above 0.`);
  return value;
}

/** Reads a whole number. Any other text, or a number below `min`, ends the process with an error. */
export function readCount(option: string, text: string, min = 1): number {
  try {
    return parseCount(option, text, min);
  } catch (error) {
    return refuse(error instanceof Error ? error.message : String(error));
  }
}

/** Reads whole numbers above 0 that are separated by commas. Any other text ends the process with an error. */
export function readCounts(option: string, text: string): number[] {
  return text.split(',').map((part) => readCount(option, part));
}

function refuse(message: string): never {
  process.stderr.write(`${message} --help shows all options.\n`);
  process.exit(2);
}
