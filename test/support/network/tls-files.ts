import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** A test certificate authority and a server certificate signed by it: paths of PEM files, and their contents. */
export interface TlsFiles {
  readonly caFile: string;
  readonly certFile: string;
  readonly keyFile: string;
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
  remove(): Promise<void>;
}

const run = promisify(execFile);

/** Creates the files with the `openssl` command. The certificate is valid for 127.0.0.1 and localhost for one day. */
export async function createTlsFiles(): Promise<TlsFiles> {
  const directory = await mkdtemp(join(tmpdir(), 'duskline-tls-'));
  const file = (name: string): string => join(directory, name);
  const [caFile, caKey] = [file('ca.pem'), file('ca-key.pem')];
  const [certFile, keyFile, request, extensions] = ['cert.pem', 'key.pem', 'request.pem', 'names.cnf'].map(
    file,
  ) as [string, string, string, string];
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  await run('openssl', [
    ...['req', '-x509', ...newKey, '-keyout', caKey, '-out', caFile],
    ...['-days', '1', '-subj', '/CN=authority of a test'],
  ]);
  await run('openssl', ['req', ...newKey, '-keyout', keyFile, '-out', request, '-subj', '/CN=127.0.0.1']);
  await writeFile(extensions, 'subjectAltName=IP:127.0.0.1,DNS:localhost\n');
  await run('openssl', [
    ...['x509', '-req', '-in', request, '-CA', caFile, '-CAkey', caKey, '-CAcreateserial'],
    ...['-out', certFile, '-days', '1', '-extfile', extensions],
  ]);
  const [ca, cert, key] = (await Promise.all(
    [caFile, certFile, keyFile].map((path) => readFile(path, 'utf8')),
  )) as [string, string, string];
  return {
    caFile,
    certFile,
    keyFile,
    ca,
    cert,
    key,
    remove: () => rm(directory, { recursive: true, force: true }),
  };
}
