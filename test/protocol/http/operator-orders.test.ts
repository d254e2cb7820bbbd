import { expect } from 'chai';
import { ERRORS } from '@duskline/protocol/codes';
import { Refusal } from '@duskline/server/broker/refusal.js';
import { StoreUnavailableError } from '@duskline/server/store/fleet-store.js';
import { testToken } from '../../support/fleet/test-broker.js';
import {
  READER,
  WRITER,
  drainReport,
  plainAnswers,
  useOperatorApp,
  type OperatorApp,
} from '../../support/fleet/operator-app.js';
import { bearer, expectError, getAsReader, sendOrder } from '../../support/fleet/operator-requests.js';

const REGION = { region: 'near', pool: null, hostId: null };
const POOL = { region: 'near', pool: 'console-x', hostId: null };
const HOST = { region: 'near', pool: 'console-x', hostId: 'h1' };
const OLIVIA = { operatorId: 'olivia', from: '127.0.0.1' };
const HALF_AN_HOUR = 1_800_000;

/** Every route with a valid request and the scope that it requires. */
const READS = ['/v1/drains', '/v1/moves', '/v1/audit'] as const;
const ORDERS = [
  ['/v1/drains', { target: { region: 'near' }, deadlineMs: HALF_AN_HOUR }],
  ['/v1/undrain', { target: { region: 'near' } }],
  ['/v1/cordon', { target: HOST }],
  ['/v1/uncordon', { target: HOST }],
] as const;

describe('Operators’ orders over HTTP', function () {
  this.timeout(10_000);
  let app: OperatorApp;
  useOperatorApp((started) => (app = started));

  const read = (path: string, token?: string): Promise<Response> => getAsReader(app.url + path, token);
  const order = (...[path, ...said]: Parameters<typeof sendOrder>): Promise<Response> =>
    sendOrder(app.url + path, ...said);

  describe('POST /v1/drains', () => {
    it('orders a drain with defaults filled in, and answers 201 with its report', async () => {
      const response = await order('/v1/drains', { target: { region: 'near' }, deadlineMs: HALF_AN_HOUR });
      expect([response.status, await response.json()]).to.deep.equal([201, drainReport()]);
      expect(app.calls).to.deep.equal([
        [
          'drain',
          {
            target: REGION,
            deadlineMs: HALF_AN_HOUR,
            mode: 'wait',
            atDeadline: 'end',
            yesEverything: false,
          },
          OLIVIA,
        ],
      ]);
    });

    it('passes on every option', async () => {
      const said = { target: HOST, deadlineMs: 1, mode: 'move', atDeadline: 'keep', yesEverything: true };
      expect((await order('/v1/drains', { ...said, dryRun: false })).status).to.equal(201);
      expect(app.calls).to.deep.equal([['drain', said, OLIVIA]]);
    });

    it('accepts a target in the form that answers have', async () => {
      for (const target of [REGION, POOL, HOST]) {
        expect((await order('/v1/drains', { target, deadlineMs: 1 })).status).to.equal(201);
      }
      expect(app.calls.map(([, said]) => (said as { target: object }).target)).to.deep.equal([
        REGION,
        POOL,
        HOST,
      ]);
    });

    it('with dryRun only previews the drain', async () => {
      const response = await order('/v1/drains', { target: POOL, deadlineMs: 1_000, dryRun: true });
      expect([response.status, await response.json()]).to.deep.equal([200, plainAnswers().previewDrain()]);
      expect(app.calls.map(([name]) => name)).to.deep.equal(['previewDrain']);
    });

    it('leaves it to the operation whether the deadline is valid', async () => {
      app.answers.drain = () => {
        throw new Refusal('BAD_DEADLINE');
      };
      await expectError(
        await order('/v1/drains', { target: POOL, deadlineMs: -1 }),
        'BAD_DEADLINE',
        'in the future',
      );
    });
  });

  it('GET /v1/drains lists the drains', async () => {
    const response = await read('/v1/drains');
    expect([response.status, await response.json()]).to.deep.equal([200, { drains: [drainReport()] }]);
  });

  it('POST /v1/undrain reopens the target, and answers with the report', async () => {
    const response = await order('/v1/undrain', { target: { region: 'near', pool: 'console-x' } });
    expect([response.status, await response.json()]).to.deep.equal([200, plainAnswers().undrain()]);
    expect(app.calls).to.deep.equal([['undrain', POOL, OLIVIA]]);
  });

  for (const name of ['cordon', 'uncordon'] as const) {
    it(`POST /v1/${name} addresses a host, and answers 204`, async () => {
      const response = await order(`/v1/${name}`, { target: HOST });
      expect([response.status, await response.text()]).to.deep.equal([204, '']);
      expect(app.calls).to.deep.equal([[name, HOST, OLIVIA]]);
      await expectError(await order(`/v1/${name}`, { target: POOL }), 'BAD_MESSAGE', 'target');
      await expectError(await order(`/v1/${name}`, { target: { region: 'near' } }), 'BAD_MESSAGE', 'pool');
    });
  }

  for (const [path, name, field] of [
    ['/v1/audit', 'auditTrail', 'entries'],
    ['/v1/moves', 'moves', 'moves'],
  ] as const) {
    describe(`GET ${path}`, () => {
      it('lists a hundred entries by default, or the requested number', async () => {
        const response = await read(path);
        expect([response.status, await response.json()]).to.deep.equal([
          200,
          { [field]: plainAnswers()[name]() },
        ]);
        for (const limit of [1, 1000]) expect((await read(`${path}?limit=${limit}`)).status).to.equal(200);
        expect(app.calls).to.deep.equal([
          [name, 100],
          [name, 1],
          [name, 1000],
        ]);
      });

      for (const query of [
        'limit=0',
        'limit=1001',
        'limit=-1',
        'limit=1.5',
        'limit=ten',
        'limit=',
        'limit=1&limit=2',
      ]) {
        it(`refuses ?${query}`, async () => {
          await expectError(await read(`${path}?${query}`), 'BAD_MESSAGE', 'limit must be a whole number');
          expect(app.calls).to.deep.equal([]);
        });
      }
    });
  }

  describe('tokens', () => {
    const player = testToken({ kind: 'player', playerId: 'alice' });
    const host = testToken({ kind: 'host', region: 'near', pool: 'console-x' });

    for (const path of READS) {
      it(`GET ${path} requires ops:read`, async () => {
        const stranger = await fetch(app.url + path);
        expect(stranger.headers.get('www-authenticate')).to.equal('Bearer');
        await expectError(stranger, 'UNAUTHENTICATED');
        await expectError(await read(path, 'nonsense'), 'UNAUTHENTICATED');
        for (const token of [player, host]) await expectError(await read(path, token), 'FORBIDDEN');
        await expectError(await read(path, WRITER), 'FORBIDDEN', 'ops:read');
        expect(app.calls).to.deep.equal([]);
      });
    }

    for (const [path, body] of ORDERS) {
      it(`POST ${path} requires ops:write`, async () => {
        const stranger = await order(path, body, { authorization: '' });
        expect(stranger.headers.get('www-authenticate')).to.equal('Bearer');
        await expectError(stranger, 'UNAUTHENTICATED');
        await expectError(await order(path, body, bearer('nonsense')), 'UNAUTHENTICATED');
        for (const token of [player, host]) {
          await expectError(await order(path, body, bearer(token)), 'FORBIDDEN');
        }
        await expectError(await order(path, body, bearer(READER)), 'FORBIDDEN', 'ops:write');
        expect(app.calls).to.deep.equal([]);
      });
    }

    it('are checked before the body', async () => {
      await expectError(await order('/v1/drains', 'no JSON', { authorization: '' }), 'UNAUTHENTICATED');
    });
  });

  describe('refusals of the operations', () => {
    const codes = ['UNKNOWN_REGION', 'UNKNOWN_POOL', 'UNKNOWN_HOST', 'LAST_OPEN_REGION', 'NO_DRAIN'] as const;
    for (const code of codes) {
      it(`${code} keeps its code, status and text`, async () => {
        app.answers.undrain = () => {
          throw new Refusal(code);
        };
        const response = await order('/v1/undrain', { target: REGION });
        expect(response.headers.get('retry-after')).to.equal(null);
        await expectError(response, code, ERRORS[code].message);
      });
    }

    it('give retry times in whole seconds', async () => {
      app.answers.cordon = () => {
        throw new Refusal('UNAVAILABLE', { retryAfterMs: 1_200 });
      };
      const response = await order('/v1/cordon', { target: HOST });
      expect(response.headers.get('retry-after')).to.equal('2');
      await expectError(response, 'UNAVAILABLE');
    });

    it('include an unavailable store', async () => {
      const fail = (): never => {
        throw new StoreUnavailableError('Redis is gone');
      };
      Object.assign(app.answers, { drains: fail, moves: fail });
      for (const path of ['/v1/drains', '/v1/moves']) {
        const response = await read(path);
        expect(response.headers.get('retry-after')).to.match(/^[12]$/);
        await expectError(response, 'UNAVAILABLE');
      }
    });
  });

  it('are answered only under their own method and path', async () => {
    for (const path of ['/v1/undrain', '/v1/cordon', '/v1/uncordon', '/v1/drain', '/v1/drains/d1']) {
      await expectError(await read(path), 'NOT_FOUND');
    }
    for (const path of ['/v1/audit', '/v1/moves', '/v1/drain', '/v1/undrains']) {
      await expectError(await order(path, { target: HOST }), 'NOT_FOUND');
    }
  });
});
