// The licences of packages whose code is part of a bundle: most ask that they go along with every copy.
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';

const LICENCE_FILE = /^(licen[cs]e|copying|notice)([.-].*)?$/i;

/**
 * The text of all licences, by package.
 *
 * @param root the folder that files are relative to
 * @param files what was bundled
 * @throws Error when a package has none
 */
export async function thirdPartyLicences(root, files) {
  const folders = [...new Set(files.flatMap((file) => packageFolder(file)))].sort();
  const entries = await Promise.all(folders.map((folder) => entryOf(join(root, folder))));
  return `This program contains the following packages.\n\n${[...new Set(entries)].join('\n')}`;
}

/** The package that a file belongs to, the innermost one; nothing for files of ours. */
function packageFolder(file) {
  return /^.*node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(file) ?? [];
}

async function entryOf(folder) {
  const { name, version, license } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'));
  const names = (await readdir(folder)).filter((file) => LICENCE_FILE.test(file)).sort();
  const texts = await Promise.all(names.map((file) => readFile(join(folder, file), 'utf8')));
  if (license === undefined && names.length === 0) throw new Error(`${name} comes without a licence`);
  const head = `${'-'.repeat(80)}\n${name} ${version} (${license ?? 'licence as below'})\n`;
  return [head, ...texts.map((text) => `${text.trim()}\n`)].join('\n');
}
