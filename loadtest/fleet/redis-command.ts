import { connect as connectPlain } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { LoadTestFailure } from './load-test-failure.js';

const DEADLINE_MS = 5_000;

/**
 * Sends one command to a Redis, and waits for its reply.
 *
 * @param url `redis://` or `rediss://`, with user and password if the Redis requires them
 * @throws LoadTestFailure when Redis cannot be reached or replies with an error
 */
export async function sendRedisCommand(url: string, command: readonly string[]): Promise<void> {
  const { protocol, hostname, port, username, password } = new URL(url);
  const where = { host: hostname, port: Number(port === '' ? 6379 : port) };
  const commands = [command];
  const secret = decodeURIComponent(password);
  if (secret !== '') {
    commands.unshift(['AUTH', ...(username === '' ? [] : [decodeURIComponent(username)]), secret]);
  }
  await new Promise<void>((resolve, reject) => {
    const socket = protocol === 'rediss:' ? connectTls(where) : connectPlain(where);
    const fail = (why: string): void => {
      socket.destroy();
      reject(
        new LoadTestFailure(
          `Redis at ${where.host}:${where.port} failed to run "${command.join(' ')}": ${why}`,
        ),
      );
    };
    let answer = '';
    socket.setTimeout(DEADLINE_MS, () => fail('no answer'));
    socket.on('error', (error: Error) => fail(error.message));
    socket.on('data', (data: Buffer) => {
      answer += data.toString('utf8');
      const lines = answer.split('\r\n').slice(0, -1);
      const refusal = lines.find((line) => line.startsWith('-'));
      if (refusal !== undefined) fail(refusal.slice(1));
      else if (lines.length >= commands.length) {
        socket.destroy();
        resolve();
      }
    });
    for (const words of commands) {
      const parts = words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`);
      socket.write(`*${words.length}\r\n${parts.join('')}`);
    }
  });
}
