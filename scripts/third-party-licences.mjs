// Collects the licences of bundled packages: most licences must accompany every copy of the code.
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';

const LICENCE_FILE = /^(licen[cs]e|copying|notice)([.-].*)?$/i;

/**
 * Returns the licences of all packages, as one text.
 *
 * @param root the folder to which files are relative
 * @param files the bundled files
 * @throws Error when a package has no licence
 */
export async function thirdPartyLicences(root, files) {
  const folders = [...new Set(files.flatMap((file) => packageFolder(file)))].sort();
  const entries = await Promise.all(folders.map((folder) => entryOf(join(root, folder))));
  return `This program contains the following packages.\n\n${[...new Set(entries)].join('\n')}`;
}

/** The folder of the innermost package that contains a file; empty for files of this repository. */
function packageFolder(file) {
  return /^.*node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(file) ?? [];
}

async function entryOf(folder) {
  const { name, version, license } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'));
  const names = (await readdir(folder)).filter((file) => LICENCE_FILE.test(file)).sort();
  const texts = await Promise.all(names.map((file) => readFile(join(folder, file), 'utf8')));
  if (license === undefined && names.length === 0)
    throw new Error(
      `The bundled package ${name} has no licence: package.json names none, and there is no licence file.`,
    );
  const head = `${'-'.repeat(80)}\n${name} ${version} (${license ?? 'licence below'})\n`;
  return [head, ...texts.map((text) => `${text.trim()}\n`)].join('\n');
}
