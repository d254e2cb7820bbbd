import { expect } from 'chai';
import { createFileReader } from '@duskline/server/config/file-reader.js';
import { loadConfig } from '@duskline/server/config/load-config.js';
import { startDuskline } from '@duskline/server/duskline.js';
import { TEST_CONFIG, TEST_ENV } from '../../support/fleet/test-broker.js';
import { startRedisServer, uniquePrefix, type RedisServer } from '../../support/redis/redis-server.js';
import { createTlsFiles, type TlsFiles } from '../../support/network/tls-files.js';

const silence = (): void => undefined;
const silent = { error: silence, warn: silence, info: silence, debug: silence };

describe('A broker whose Redis requires TLS', () => {
  let files: TlsFiles;
  let redis: RedisServer;
  before(async () => {
    files = await createTlsFiles();
    redis = await startRedisServer({ tls: files });
  });
  after(async () => {
    await redis.stop();
    await files.remove();
  });

  it('starts with the certificates named in its configuration', async () => {
    const { caFile, certFile, keyFile } = files;
    const tls = `tls: { caFile: ${caFile}, certFile: ${certFile}, keyFile: ${keyFile} }`;
    const text = TEST_CONFIG.replace('store: {}', `store: { redis: { url: '${redis.url}', ${tls} } }`);
    const config = loadConfig({ text, env: TEST_ENV, readFile: createFileReader('/') });
    const duskline = await startDuskline({
      config: { ...config, limits: { ...config.limits, goAwaySpreadMs: 0 } },
      log: silent,
      keyPrefix: uniquePrefix(),
    });
    try {
      expect((await fetch(`${duskline.url}/readyz`)).status).to.equal(200);
      expect((await duskline.broker.status()).store).to.equal('redis');
    } finally {
      await duskline.stop();
    }
  });
});
