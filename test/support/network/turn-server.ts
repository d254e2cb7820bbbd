import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { whenStarted } from '../processes/when-started.js';
import { within } from '../time/deadline.js';
import { freePort } from '@duskline/loadtest/fleet/free-port.js';

/** A coturn process on 127.0.0.1, with UDP and TCP, without TLS. */
export interface TurnServer {
  readonly port: number;
  stop(): Promise<void>;
}

const START_DEADLINE_MS = 10_000;
const ALLOCATE_DEADLINE_MS = 8_000;

/** Starts coturn on a free port. TURN credentials are derived from the shared secret `secret`. */
export async function startTurnServer(secret: string): Promise<TurnServer> {
  const directory = await mkdtemp(join(tmpdir(), 'duskline-turn-'));
  const port = await freePort();
  const settings = [
    'listening-ip=127.0.0.1',
    'relay-ip=127.0.0.1',
    `listening-port=${port}`,
    'use-auth-secret',
    `static-auth-secret=${secret}`,
    'realm=duskline.test',
    'no-tls',
    'no-dtls',
    'no-cli',
    'allow-loopback-peers',
    'log-file=stdout',
    `pidfile=${join(directory, 'pid')}`,
    `userdb=${join(directory, 'db')}`,
  ];
  // In a file: other users of the machine can read command lines.
  const file = join(directory, 'turnserver.conf');
  await writeFile(file, settings.join('\n'), { mode: 0o600 });

  const process = spawn(coturn().turnserver, ['-c', file], { stdio: ['ignore', 'pipe', 'pipe'] });
  const exited = once(process, 'exit');
  const lines: string[] = [];
  // Read but not treated as a failure: coturn warns here when the machine has no SCTP.
  createInterface({ input: process.stderr }).on('line', (line) => lines.push(line));
  const ready = new Promise<void>((resolve, reject) => {
    createInterface({ input: process.stdout }).on('line', (line) => {
      lines.push(line);
      if (line.includes('Total General servers')) resolve();
    });
    process.once('error', reject);
    process.once('exit', () => reject(new Error(`coturn did not start:\n${lines.join('\n')}`)));
  });
  await whenStarted(process, START_DEADLINE_MS, ready, lines);
  return {
    port,
    async stop() {
      process.kill('SIGKILL');
      await exited;
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** Requests a relay address from a TURN server with coturn's own client. */
export async function allocate(
  port: number,
  { username, credential }: { readonly username: string; readonly credential: string },
): Promise<'allocated' | 'refused'> {
  const who = ['-u', username, '-w', credential];
  const process = spawn(coturn().uclient, ['-v', '-y', '-c', ...who, '-p', String(port), '127.0.0.1'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  const answer = new Promise<'allocated' | 'refused'>((resolve, reject) => {
    const readOutput = (data: Buffer): void => {
      output += data.toString('utf8');
      if (output.includes('Received relay addr')) resolve('allocated');
      if (output.includes('Cannot complete Allocation')) resolve('refused');
    };
    process.stdout.on('data', readOutput);
    process.stderr.on('data', readOutput);
    process.once('error', reject);
    process.once('exit', () => reject(new Error(`The TURN client ended without a result:\n${output}`)));
  });
  try {
    return await within(ALLOCATE_DEADLINE_MS, () => `the TURN client has a result:\n${output}`, answer);
  } finally {
    process.kill('SIGKILL');
  }
}

/** Paths that `scripts/ensure-coturn.mjs` found. */
function coturn(): { readonly turnserver: string; readonly uclient: string } {
  const record = new URL('../../../../node_modules/.cache/duskline/coturn.json', import.meta.url);
  try {
    return JSON.parse(readFileSync(record, 'utf8')) as { turnserver: string; uclient: string };
  } catch (cause) {
    throw new Error('No coturn was found. Run `node scripts/ensure-coturn.mjs` first.', { cause });
  }
}
