import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { sendRedisCommand } from '@duskline/loadtest/fleet/redis-command.js';
import { startRedis } from '@duskline/loadtest/fleet/run-redis.js';
import { expect } from 'chai';

describe('A Redis command over a plain socket', () => {
  let server: Server;
  let received = '';
  let answer = '+OK\r\n';
  beforeEach(async () => {
    received = '';
    server = createServer((socket: Socket) => {
      socket.on('data', (data: Buffer) => {
        received += data.toString('utf8');
        socket.write(answer);
      });
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  afterEach(() => void server.close());
  const port = (): number => (server.address() as AddressInfo).port;

  it('is encoded for Redis, and waits for the answer', async () => {
    answer = '+OK\r\n';
    await sendRedisCommand(`redis://127.0.0.1:${port()}`, ['CLIENT', 'PAUSE', '50', 'ALL']);
    expect(received).to.equal('*4\r\n$6\r\nCLIENT\r\n$5\r\nPAUSE\r\n$2\r\n50\r\n$3\r\nALL\r\n');
  });

  it('sends user and password first, when the URL has them', async () => {
    answer = '+OK\r\n+OK\r\n';
    await sendRedisCommand(`redis://me:s%20cret@127.0.0.1:${port()}`, ['PING']);
    expect(received).to.match(/^\*3\r\n\$4\r\nAUTH\r\n\$2\r\nme\r\n\$6\r\ns cret\r\n/);
  });

  it('fails with the error of Redis', async () => {
    answer = '-NOPERM not you\r\n';
    const failure = await sendRedisCommand(`redis://127.0.0.1:${port()}`, ['PING']).catch(String);
    expect(failure).to.match(/Redis at 127\.0\.0\.1:\d+ failed to run "PING": NOPERM not you/);
  });

  it('says what to install when there is no redis-server to start', async () => {
    const failure = await startRedis('/', { PATH: '/nowhere' }).catch(String);
    expect(failure).to.match(/neither redis-server nor valkey-server is in PATH\. Install one .*--redis/);
  });
});
