import { readFileSync } from 'node:fs';

const PACKAGE = new URL(import.meta.resolve('#package.json'));

/** The version in `package.json`. */
export const VERSION = (JSON.parse(readFileSync(PACKAGE, 'utf8')) as { version: string }).version;
