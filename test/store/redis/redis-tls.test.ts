import { expect } from 'chai';
import { StoreUnavailableError } from '@duskline/server/store/fleet-store.js';
import { createRedisStore } from '@duskline/server/store/redis/redis-store.js';
import { startRedisServer, type RedisServer } from '../../support/redis/redis-server.js';
import { createTlsFiles, type TlsFiles } from '../../support/network/tls-files.js';
import { describeStore } from '../conformance.js';
import { SUSPECT_AFTER_MS } from '../fixture.js';
import { openRedisFixture } from './redis-fixture.js';

describe('over TLS, with client and server certificates', () => {
  let files: TlsFiles;
  let server: RedisServer;
  before(async () => {
    files = await createTlsFiles();
    server = await startRedisServer({ tls: files });
  });
  after(async () => {
    await server.stop();
    await files.remove();
  });

  describeStore('redis store', () => {
    const { ca, cert, key } = files;
    return openRedisFixture({ kind: 'single', url: server.url, tls: { ca, cert, key } });
  });

  async function refusalOf(tls: object | undefined, url = server.url): Promise<unknown> {
    const target = { kind: 'single' as const, url, ...(tls === undefined ? {} : { tls }) };
    const opened = createRedisStore({ target, suspectAfterMs: SUSPECT_AFTER_MS });
    return opened.then(
      (store) => store.close(),
      (error: unknown) => error,
    );
  }

  it('rejects a server certificate of an unknown authority', async () => {
    const { cert, key } = files;
    const error = await refusalOf({ cert, key });
    expect(error).to.be.instanceOf(StoreUnavailableError);
    expect(String(error)).to.match(/self-signed|unable to verify|unable to get/i);
  });

  it('rejects a server certificate for another host name', async () => {
    const { ca, cert, key } = files;
    const error = await refusalOf({ ca, cert, key, servername: 'redis.example.com' });
    expect(error).to.be.instanceOf(StoreUnavailableError);
    expect(String(error)).to.match(/altnames|does not match/i);
  });

  it('sends nothing in plain text to a server that expects TLS', async () => {
    expect(await refusalOf(undefined, server.url.replace('rediss:', 'redis:'))).to.be.instanceOf(
      StoreUnavailableError,
    );
  });
});
