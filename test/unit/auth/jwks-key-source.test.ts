import type { KeyObject } from 'node:crypto';
import { createServer, type Server, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createJwksKeySource, type JwksOptions } from '@duskline/server/auth/jwks-key-source.js';
import { createTokenVerifier } from '@duskline/server/auth/token-verifier.js';
import { systemClock } from '@duskline/server/runtime/system-runtime.js';
import { expect } from 'chai';
import jwt from 'jsonwebtoken';
import { ManualClock, withSystemTimers } from '../../support/time/manual-clock.js';
import { repeatEvery } from '../../support/time/pacing.js';
import { EC, OTHER_EC, OTHER_RSA, P384, RSA } from './keys.js';

/** A real key server. Tests change which keys it publishes and how it answers. */
class KeyServer {
  requests = 0;
  keys: object[] = [];
  answer: (response: ServerResponse) => void = (response) => {
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ keys: this.keys }));
  };
  readonly #server: Server = createServer((_, response) => {
    this.requests += 1;
    this.answer(response);
  });

  async start(): Promise<string> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/jwks`;
  }

  async stop(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
  }
}

function jwk(key: KeyObject, kid?: string, extra: object = {}): object {
  return { ...key.export({ format: 'jwk' }), ...(kid === undefined ? {} : { kid }), use: 'sig', ...extra };
}

describe('JWKS key source', () => {
  let server: KeyServer;
  let url: string;
  let clock: ManualClock;

  beforeEach(async () => {
    server = new KeyServer();
    server.keys = [jwk(EC.publicKey, 'k1')];
    url = await server.start();
    clock = new ManualClock();
  });
  afterEach(() => server.stop());

  function verifierWith(
    options: Partial<JwksOptions> = {},
  ): (key: KeyObject, kid?: string) => Promise<string> {
    const algorithms = ['ES256', 'RS256'] as const;
    const serverClock = withSystemTimers(clock);
    const config = {
      algorithms,
      issuer: null,
      clockToleranceS: 0,
      keys: { kind: 'jwks', url },
    } as const;
    const keySource = createJwksKeySource({ url, algorithms, clock: serverClock, ...options });
    const verifier = createTokenVerifier(config, { clock: serverClock, keySource });
    return async (key, kid) => {
      const exp = clock.wallMs() / 1000 + 60;
      const claims = { sub: 'alice', aud: 'duskline', scope: 'play', exp };
      const algorithm = key.asymmetricKeyType === 'ec' ? 'ES256' : 'RS256';
      const token = jwt.sign(claims, key, { algorithm, ...(kid === undefined ? {} : { keyid: kid }) });
      const result = await verifier.verify('player', token);
      return result.ok ? 'ok' : result.code;
    };
  }

  it('verifies with a published key and fetches once for many tokens', async () => {
    const verify = verifierWith();
    const codes = await Promise.all(Array.from({ length: 20 }, () => verify(EC.privateKey, 'k1')));
    expect(new Set(codes)).to.deep.equal(new Set(['ok']));
    expect(server.requests).to.equal(1);
  });

  it('is used by a verifier when the configuration names a URL', async () => {
    const config = {
      algorithms: ['ES256'],
      issuer: null,
      clockToleranceS: 0,
      keys: { kind: 'jwks', url },
    } as const;
    const verifier = createTokenVerifier(config, { clock: systemClock });
    const claims = { sub: 'alice', aud: 'duskline', scope: 'play' };
    const token = jwt.sign(claims, EC.privateKey, { algorithm: 'ES256', keyid: 'k1', expiresIn: 60 });
    expect((await verifier.verify('player', token)).ok).to.be.true;
  });

  it('learns a rotated key from the first token that names it', async () => {
    const verify = verifierWith();
    expect(await verify(EC.privateKey, 'k1')).to.equal('ok');
    server.keys = [jwk(EC.publicKey, 'k1'), jwk(RSA.publicKey, 'k2')];
    clock.advance(10_000);
    expect(await verify(RSA.privateKey, 'k2')).to.equal('ok');
    expect(await verify(EC.privateKey, 'k1')).to.equal('ok');
    expect(server.requests).to.equal(2);
  });

  it('refuses a withdrawn key once the set is no longer fresh', async () => {
    const verify = verifierWith();
    expect(await verify(EC.privateKey, 'k1')).to.equal('ok');
    server.keys = [jwk(RSA.publicKey, 'k2')];
    clock.advance(599_999);
    expect(await verify(EC.privateKey, 'k1')).to.equal('ok');
    clock.advance(1);
    expect(await verify(EC.privateKey, 'k1')).to.equal('UNAUTHENTICATED');
  });

  it('refuses unknown key ids at the price of one fetch per cool-down', async () => {
    const verify = verifierWith();
    for (let i = 0; i < 50; i += 1) {
      expect(await verify(OTHER_EC.privateKey, `forged-${i}`)).to.equal('UNAUTHENTICATED');
    }
    expect(server.requests).to.equal(1);
    clock.advance(10_000);
    expect(await verify(OTHER_EC.privateKey, 'forged')).to.equal('UNAUTHENTICATED');
    expect(server.requests).to.equal(2);
  });

  it('refuses a token signed with another key under a published key id', async () => {
    expect(await verifierWith()(OTHER_EC.privateKey, 'k1')).to.equal('UNAUTHENTICATED');
  });

  it('accepts a token without a key id only when exactly one key fits', async () => {
    expect(await verifierWith()(EC.privateKey)).to.equal('ok');
    server.keys = [jwk(EC.publicKey, 'k1'), jwk(OTHER_EC.publicKey, 'k2')];
    expect(await verifierWith()(EC.privateKey)).to.equal('UNAUTHENTICATED');
  });

  it('keeps a key to its own algorithm, use and strength', async () => {
    server.keys = [
      jwk(RSA.publicKey, 'pss', { alg: 'PS256' }),
      jwk(OTHER_RSA.publicKey, 'enc', { use: 'enc' }),
      jwk(P384.publicKey, 'p384'),
      { kty: 'oct', kid: 'shared', k: Buffer.alloc(32, 'k').toString('base64url') },
      { kty: 'RSA', kid: 'broken', n: '???' },
      jwk(EC.publicKey, 'k1'),
    ];
    const verify = verifierWith();
    expect(await verify(RSA.privateKey, 'pss')).to.equal('UNAUTHENTICATED');
    expect(await verify(OTHER_RSA.privateKey, 'enc')).to.equal('UNAUTHENTICATED');
    expect(await verify(EC.privateKey, 'p384')).to.equal('UNAUTHENTICATED');
    expect(await verify(EC.privateKey, 'k1')).to.equal('ok');
  });

  describe('when the key server fails', () => {
    it('answers UNAVAILABLE while it is down, and recovers', async () => {
      const verify = verifierWith();
      server.answer = (response) => response.destroy();
      expect(await verify(EC.privateKey, 'k1')).to.equal('UNAVAILABLE');
      server.answer = (response) => response.end(JSON.stringify({ keys: server.keys }));
      expect(await verify(EC.privateKey, 'k1')).to.equal('UNAVAILABLE');
      clock.advance(10_000);
      expect(await verify(EC.privateKey, 'k1')).to.equal('ok');
    });

    it('answers UNAVAILABLE when nothing listens on its port', async () => {
      const gone = new KeyServer();
      const goneUrl = await gone.start();
      await gone.stop();
      expect(await verifierWith({ url: goneUrl })(EC.privateKey, 'k1')).to.equal('UNAVAILABLE');
    });

    it('keeps using the known keys for a bounded time', async () => {
      const verify = verifierWith();
      expect(await verify(EC.privateKey, 'k1')).to.equal('ok');
      server.answer = (response) => response.writeHead(503).end();
      clock.advance(600_000);
      expect(await verify(EC.privateKey, 'k1')).to.equal('ok');
      expect(await verify(RSA.privateKey, 'k2')).to.equal('UNAVAILABLE');
      clock.advance(3_600_000);
      expect(await verify(EC.privateKey, 'k1')).to.equal('UNAVAILABLE');
    });

    it('gives up when it does not answer in time', async () => {
      server.answer = (): void => undefined;
      expect(await verifierWith({ timeoutMs: 50 })(EC.privateKey, 'k1')).to.equal('UNAVAILABLE');
    });

    it('gives up when it sends its answer too slowly', async () => {
      server.answer = (response) => {
        response.write('{"keys":[');
        const stop = repeatEvery(10, () => response.write(' '));
        response.on('close', stop);
      };
      expect(await verifierWith({ timeoutMs: 80 })(EC.privateKey, 'k1')).to.equal('UNAVAILABLE');
    });

    const badAnswers: Record<string, (response: ServerResponse) => unknown> = {
      'a body that is not JSON': (response) => response.end('<html>'),
      'a body that is not a key set': (response) => response.end('{"keys":"none"}'),
      'an empty key set': (response) => response.end('{"keys":[]}'),
      'more than 1 MiB': (response) => response.end(`{"keys":[],"pad":"${'x'.repeat(1 << 20)}"}`),
      'a redirect': (response) => response.writeHead(302, { location: `${url}?elsewhere` }).end(),
    };
    for (const [what, answer] of Object.entries(badAnswers)) {
      it(`answers UNAVAILABLE for ${what}`, async () => {
        server.answer = answer;
        expect(await verifierWith()(EC.privateKey, 'k1')).to.equal('UNAVAILABLE');
        expect(server.requests).to.equal(1);
      });
    }
  });
});
