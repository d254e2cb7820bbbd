import { request, type IncomingHttpHeaders } from 'node:http';
import { expect } from 'chai';
import { ERRORS, type ErrorCode } from '@duskline/protocol/codes';
import { CLIENT_PATH, HOST_PATH, SUBPROTOCOL } from '@duskline/protocol/constants';
import type { Duskline } from '@duskline/server/duskline.js';
import { openPlayer, openReadyHost, startTestBroker, testToken } from '../../support/fleet/test-broker.js';
import { Peer } from '../../support/fleet/peer.js';
import { earlyToken } from '../connections/raw-tokens.js';

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

describe('HTTP', function () {
  this.timeout(10_000);
  let duskline: Duskline;
  before(async () => {
    duskline = await startTestBroker();
  });
  after(() => duskline.stop());

  function ask(path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const asked = request(duskline.url + path, { headers, method, agent: false }, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, text }),
        );
      });
      asked.on('upgrade', () => reject(new Error('upgraded')));
      asked.on('error', reject);
      asked.end();
    });
  }

  function expectError({ status, headers, text }: Answer, code: ErrorCode): void {
    expect(status).to.equal(ERRORS[code].httpStatus);
    expect(headers['content-type']).to.match(/^application\/json/);
    const { error } = JSON.parse(text) as { error: { code: string; message: string } };
    expect(error.code).to.equal(code);
    expect(error.message).to.be.a('string').that.is.not.empty;
  }

  const upgrade = (path: string, headers: Record<string, string> = {}): Promise<Answer> =>
    ask(path, {
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-version': '13',
      'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
      ...headers,
    });

  describe('upgrades', () => {
    for (const path of [CLIENT_PATH, HOST_PATH]) {
      it(`${path}: are refused with 400 when they do not offer the sub-protocol`, async () => {
        expectError(await upgrade(path), 'UNSUPPORTED_PROTOCOL');
        for (const offered of ['duskline.v2', 'duskline', 'xduskline.v1', 'graphql-ws, mqtt']) {
          expectError(await upgrade(path, { 'sec-websocket-protocol': offered }), 'UNSUPPORTED_PROTOCOL');
        }
      });

      it(`${path}: may offer further sub-protocols and a query`, async () => {
        const peer = await Peer.open(duskline.url, `${path}?from=lobby`, {
          protocols: ['duskline.v2', SUBPROTOCOL],
        });
        expect(peer.socket.protocol).to.equal(SUBPROTOCOL);
        await peer.close();
      });
    }

    it('on another path are refused with 404', async () => {
      for (const path of [
        '/',
        '/v1',
        '/v1/clients',
        '/v2/client',
        '/v1/client/',
        '/metrics',
        '//v1/client',
      ]) {
        expectError(await upgrade(path, { 'sec-websocket-protocol': SUBPROTOCOL }), 'NOT_FOUND');
      }
    });

    it('that are not valid WebSocket handshakes are refused', async () => {
      const offered = { 'sec-websocket-protocol': SUBPROTOCOL };
      expect((await upgrade(CLIENT_PATH, { ...offered, 'sec-websocket-version': '7' })).status).to.equal(400);
      expect((await upgrade(CLIENT_PATH, { ...offered, 'sec-websocket-key': 'short' })).status).to.equal(400);
    });

    it('are the only requests answered on these paths', async () => {
      expectError(await ask(CLIENT_PATH), 'NOT_FOUND');
    });

    it('negotiate no compression', async () => {
      const peer = await Peer.open(duskline.url, CLIENT_PATH);
      expect(peer.socket.extensions).to.equal('');
      await peer.close();
    });
  });

  it('/healthz answers while the process runs', async () => {
    const { status, text } = await ask('/healthz');
    expect([status, JSON.parse(text)]).to.deep.equal([200, { status: 'ok' }]);
  });

  it('/readyz says whether the broker accepts traffic', async () => {
    const { status, text } = await ask('/readyz');
    expect([status, JSON.parse(text)]).to.deep.equal([200, { status: 'ready' }]);
  });

  it('/beacon answers at once, to pages of any origin, and is never cached', async () => {
    const { status, headers, text } = await ask('/beacon', { origin: 'https://play.example.com' });
    expect([status, text]).to.deep.equal([204, '']);
    expect(headers).to.include({
      'cache-control': 'no-store',
      'access-control-allow-origin': '*',
      'timing-allow-origin': '*',
    });
  });

  it('/beacon is the address in welcome, under the host name the client used', async () => {
    const peer = await Peer.open(duskline.url, CLIENT_PATH, {
      token: testToken({ kind: 'player', playerId: 'alice' }),
    });
    peer.send({ type: 'hello', device: { kind: 'tv', codecs: ['h264'], maxResolution: '1080p' } });
    const { regions } = await peer.next('welcome');
    for (const { beaconUrl } of regions as { beaconUrl: string }[]) {
      expect(beaconUrl).to.equal(`${duskline.url}/beacon`);
    }
    await peer.close();
  });

  describe('/metrics', () => {
    it('is valid Prometheus text, and counts events', async () => {
      await openReadyHost(duskline, { hostId: 'h1' });
      const player = await openPlayer(duskline.url, 'alice');
      player.send({ type: 'play', requestId: 'r1', title: 'drift', rtt: { near: 5 } });
      await player.next('matched');
      const { status, headers, text } = await ask('/metrics');
      expect(status).to.equal(200);
      expect(headers['content-type']).to.match(/^text\/plain; version=0\.0\.4/);
      expect(brokenMetricLines(text)).to.deep.equal([]);
      expect(text).to.match(/^duskline_matches_total\{region="near",pool="console-x"\} 1$/m);
      expect(text).to.match(/^duskline_connections\{channel="client"\} 1$/m);
      expect(text).to.match(/^duskline_connections\{channel="host"\} 1$/m);
      expect(text).to.match(/^duskline_match_seconds_count 1$/m);
      await player.close();
    });
  });

  describe('/v1/status', () => {
    const bearer = (token: string): Record<string, string> => ({ authorization: `Bearer ${token}` });

    it('requires a token', async () => {
      const answer = await ask('/v1/status');
      expectError(answer, 'UNAUTHENTICATED');
      expect(answer.headers['www-authenticate']).to.equal('Bearer');
      expectError(await ask('/v1/status', bearer('nonsense')), 'UNAUTHENTICATED');
      expectError(await ask('/v1/status', { authorization: 'Basic b2xpdmlhOng=' }), 'UNAUTHENTICATED');
    });

    it('says when a token becomes valid that is early by seconds', async () => {
      const answer = await ask('/v1/status', bearer(earlyToken('player', 30)));
      expectError(answer, 'TOKEN_NOT_YET_VALID');
      expect(Number(answer.headers['retry-after'])).to.be.within(29, 30);
    });

    it('requires the scope ops:read, which no other scope includes', async () => {
      for (const token of [
        testToken({ kind: 'player', playerId: 'alice' }),
        testToken({ kind: 'host', region: 'near', pool: 'console-x' }),
        testToken({ kind: 'operator', operatorId: 'olivia', scopes: ['ops:write'] }),
      ]) {
        expectError(await ask('/v1/status', bearer(token)), 'FORBIDDEN');
      }
    });

    it('shows the fleet without any secret', async () => {
      const host = await openReadyHost(duskline, { hostId: 'h2' });
      const { status, text } = await ask(
        '/v1/status',
        bearer(testToken({ kind: 'operator', operatorId: 'olivia' })),
      );
      expect(status).to.equal(200);
      expect(JSON.parse(text)).to.have.keys('brokerId', 'store', 'waiting', 'regions');
      expect(text).to.include('"h2"').and.not.include(String(host.registered['ticketKey']));
    });
  });

  it('answers every other path with 404 as JSON', async () => {
    for (const path of ['/', '/v1', '/v1/statuses', '/healthz/x', '/%ff', '/%00', '/..%2f..%2fetc/passwd']) {
      expectError(await ask(path), 'NOT_FOUND');
    }
    for (const method of ['POST', 'PUT', 'DELETE'])
      expectError(await ask('/v1/status', {}, method), 'NOT_FOUND');
  });

  it('does not reveal its software', async () => {
    const { headers } = await ask('/healthz');
    expect(headers).to.not.have.any.keys('x-powered-by', 'server', 'etag');
  });
});

const SAMPLE =
  /^[a-zA-Z_:][a-zA-Z0-9_:]*(\{([a-zA-Z_]\w*="(\\["\\n]|[^"\\\n])*",?)*\})? (NaN|[+-]Inf|-?\d+(\.\d+)?(e[+-]?\d+)?)( -?\d+)?$/;

/** Lines that the text format (version 0.0.4) does not allow, and samples without a type. */
function brokenMetricLines(text: string): string[] {
  const typed = new Set([...text.matchAll(/^# TYPE (\S+) /gm)].map(([, name]) => name!));
  const hasType = (sample: string): boolean => {
    const name = /^[\w:]+/.exec(sample)?.[0] ?? '';
    return typed.has(name) || typed.has(name.replace(/_(bucket|sum|count)$/, ''));
  };
  return text
    .split('\n')
    .filter((line) => line !== '')
    .filter((line) =>
      line.startsWith('#')
        ? !/^# (HELP \S+ .+|TYPE \S+ (counter|gauge|histogram|summary|untyped))$/.test(line)
        : !SAMPLE.test(line) || !hasType(line),
    );
}
