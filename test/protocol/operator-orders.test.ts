import { expect } from 'chai';
import { ERRORS, type ErrorCode } from '@duskline/protocol/codes';
import { Refusal } from '@duskline/server/broker/refusal.js';
import { StoreUnavailableError } from '@duskline/server/store/fleet-store.js';
import { testToken } from '../support/fleet.js';
import {
  READER,
  WRITER,
  drainReport,
  plainAnswers,
  startOperatorApp,
  type OperatorApp,
} from '../support/operator-app.js';

const REGION = { region: 'near', pool: null, hostId: null };
const POOL = { region: 'near', pool: 'console-x', hostId: null };
const HOST = { region: 'near', pool: 'console-x', hostId: 'h1' };
const OLIVIA = { operatorId: 'olivia', from: '127.0.0.1' };
const HALF_AN_HOUR = 1_800_000;

/** Every route with a request that is good, and the scope it needs. */
const READS = ['/v1/drains', '/v1/audit'] as const;
const ORDERS = [
  ['/v1/drains', { target: { region: 'near' }, deadlineMs: HALF_AN_HOUR }],
  ['/v1/undrain', { target: { region: 'near' } }],
  ['/v1/cordon', { target: HOST }],
  ['/v1/uncordon', { target: HOST }],
] as const;

describe('Operators’ orders over HTTP', function () {
  this.timeout(10_000);
  let app: OperatorApp;
  before(async () => {
    app = await startOperatorApp();
  });
  after(() => app.stop());
  beforeEach(() => {
    app.calls.length = 0;
    app.answers = plainAnswers();
  });

  const bearer = (token: string): Record<string, string> => ({ authorization: `Bearer ${token}` });

  function read(path: string, token = READER): Promise<Response> {
    return fetch(app.url + path, { headers: bearer(token) });
  }

  function order(path: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
    return fetch(app.url + path, {
      method: 'POST',
      headers: { ...bearer(WRITER), 'content-type': 'application/json', ...headers },
      body: typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body),
    });
  }

  async function expectError(response: Response, code: ErrorCode, text: string | RegExp = ''): Promise<void> {
    const { error } = (await response.json()) as { error: { code: string; message: string } };
    expect([response.status, error.code], error.message).to.deep.equal([ERRORS[code].httpStatus, code]);
    if (typeof text === 'string') expect(error.message).to.include(text);
    else expect(error.message).to.match(text);
  }

  describe('POST /v1/drains', () => {
    it('orders a drain, with what was left out filled in, and answers 201 with its report', async () => {
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

    it('passes on everything that was said', async () => {
      const said = { target: HOST, deadlineMs: 1, mode: 'wait', atDeadline: 'keep', yesEverything: true };
      expect((await order('/v1/drains', { ...said, dryRun: false })).status).to.equal(201);
      expect(app.calls).to.deep.equal([['drain', said, OLIVIA]]);
    });

    it('takes a target as answers write it', async () => {
      for (const target of [REGION, POOL, HOST]) {
        expect((await order('/v1/drains', { target, deadlineMs: 1 })).status).to.equal(201);
      }
      expect(app.calls.map(([, said]) => (said as { target: object }).target)).to.deep.equal([
        REGION,
        POOL,
        HOST,
      ]);
    });

    it('with dryRun only tells what it would meet', async () => {
      const response = await order('/v1/drains', { target: POOL, deadlineMs: 1_000, dryRun: true });
      expect([response.status, await response.json()]).to.deep.equal([200, plainAnswers().previewDrain()]);
      expect(app.calls.map(([name]) => name)).to.deep.equal(['previewDrain']);
    });

    it('leaves it to the order whether the deadline lies ahead', async () => {
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

  it('POST /v1/undrain opens the target, and answers with the report', async () => {
    const response = await order('/v1/undrain', { target: { region: 'near', pool: 'console-x' } });
    expect([response.status, await response.json()]).to.deep.equal([200, plainAnswers().undrain()]);
    expect(app.calls).to.deep.equal([['undrain', POOL, OLIVIA]]);
  });

  for (const name of ['cordon', 'uncordon'] as const) {
    it(`POST /v1/${name} is about a host, and answers 204`, async () => {
      const response = await order(`/v1/${name}`, { target: HOST });
      expect([response.status, await response.text()]).to.deep.equal([204, '']);
      expect(app.calls).to.deep.equal([[name, HOST, OLIVIA]]);
      await expectError(await order(`/v1/${name}`, { target: POOL }), 'BAD_MESSAGE', 'target');
      await expectError(await order(`/v1/${name}`, { target: { region: 'near' } }), 'BAD_MESSAGE', 'pool');
    });
  }

  describe('GET /v1/audit', () => {
    it('lists a hundred entries, or as many as it is asked for', async () => {
      const response = await read('/v1/audit');
      expect([response.status, await response.json()]).to.deep.equal([
        200,
        { entries: plainAnswers().auditTrail() },
      ]);
      for (const limit of [1, 1000]) expect((await read(`/v1/audit?limit=${limit}`)).status).to.equal(200);
      expect(app.calls).to.deep.equal([
        ['auditTrail', 100],
        ['auditTrail', 1],
        ['auditTrail', 1000],
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
        await expectError(await read(`/v1/audit?${query}`), 'BAD_MESSAGE', 'limit must be a whole number');
        expect(app.calls).to.deep.equal([]);
      });
    }
  });

  describe('tokens', () => {
    const player = testToken({ kind: 'player', playerId: 'alice' });
    const host = testToken({ kind: 'host', region: 'near', pool: 'console-x' });

    for (const path of READS) {
      it(`GET ${path} needs ops:read`, async () => {
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
      it(`POST ${path} needs ops:write`, async () => {
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

    it('are judged before the body is', async () => {
      await expectError(await order('/v1/drains', 'no JSON', { authorization: '' }), 'UNAUTHENTICATED');
    });
  });

  describe('a body', () => {
    const drain = { target: { region: 'near' }, deadlineMs: 1_000 };
    const target = drain.target;

    const mistakes: readonly (readonly [what: string, body: unknown, text: string | RegExp])[] = [
      ['that is no object', '[]', 'The body must be object'],
      ['that is null', 'null', 'The body must be object'],
      ['that is a text', '"drain everything"', 'The body must be object'],
      ['without a target', { deadlineMs: 1 }, /required propert.*target/],
      ['without a deadline', { target }, /required propert.*deadlineMs/],
      ['with an unknown field', { ...drain, force: true }, 'force is not a known field'],
      [
        'with a field of every object',
        '{"target":{"region":"near"},"deadlineMs":1,"__proto__":{"dryRun":true}}',
        '__proto__ is not a known field',
      ],
      [
        'with an unknown field in the target',
        { ...drain, target: { ...target, rack: 'r1' } },
        'target.rack is not',
      ],
      ['without a region', { ...drain, target: { pool: 'console-x' } }, /target .*region/],
      ['with a target that is a name', { ...drain, target: 'near' }, 'target must be object'],
      [
        'with a region that is no name',
        { ...drain, target: { region: 'Near!' } },
        'target.region must be 1 to 63',
      ],
      ['with a region that is null', { ...drain, target: { region: null } }, 'target.region must be string'],
      [
        'with a pool that is no name',
        { ...drain, target: { ...target, pool: '' } },
        'target.pool must be 1 to 63',
      ],
      ['with a pool that is a number', { ...drain, target: { ...target, pool: 1 } }, 'target.pool must be'],
      [
        'with a host without its pool',
        { ...drain, target: { ...target, hostId: 'h1' } },
        'target.hostId needs target.pool',
      ],
      [
        'with a host of no pool',
        { ...drain, target: { ...target, pool: null, hostId: 'h1' } },
        'target.hostId needs',
      ],
      ['with a deadline in words', { ...drain, deadlineMs: '30m' }, 'deadlineMs must be integer'],
      ['with half a millisecond', { ...drain, deadlineMs: 0.5 }, 'deadlineMs must be integer'],
      [
        'with a deadline after thirty days',
        { ...drain, deadlineMs: 2_592_000_001 },
        'deadlineMs must be <= 2592000000',
      ],
      ['with a mode that there is not', { ...drain, mode: 'now' }, 'mode must be one of: wait'],
      ['with another end', { ...drain, atDeadline: 'explode' }, 'atDeadline must be one of: end, keep'],
      ['with a dryRun that is a text', { ...drain, dryRun: 'false' }, 'dryRun must be boolean'],
      ['with a number for yes', { ...drain, yesEverything: 1 }, 'yesEverything must be boolean'],
      ['that is cut off', '{"target":', 'not valid JSON'],
      ['that is empty', '', /required propert/],
    ];
    for (const [what, body, text] of mistakes) {
      it(`${what} is refused, and the field is named`, async () => {
        await expectError(await order('/v1/drains', body), 'BAD_MESSAGE', text);
        expect(app.calls).to.deep.equal([]);
      });
    }

    for (const [path] of ORDERS) {
      it(`of POST ${path} has no unknown fields`, async () => {
        const response = await order(path, { ...drain, target: HOST, surprise: 1 });
        await expectError(response, 'BAD_MESSAGE', /(surprise|deadlineMs) is not a known field/);
      });
    }

    it('of another type is refused', async () => {
      for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data', 'json']) {
        const response = await order('/v1/drains', drain, { 'content-type': type });
        await expectError(response, 'BAD_MESSAGE', 'content-type: application/json');
      }
      const untyped = await order('/v1/drains', new TextEncoder().encode(JSON.stringify(drain)), {
        'content-type': '',
      });
      await expectError(untyped, 'BAD_MESSAGE', 'content-type: application/json');
    });

    it('may say that it is in UTF-8, and nothing else', async () => {
      const inCharset = (charset: string): Promise<Response> =>
        order('/v1/drains', drain, { 'content-type': `application/json; charset=${charset}` });
      expect((await inCharset('utf-8')).status).to.equal(201);
      await expectError(await inCharset('latin1'), 'BAD_MESSAGE', 'UTF-8');
    });

    it('is not compressed', async () => {
      const response = await order('/v1/drains', drain, { 'content-encoding': 'gzip' });
      await expectError(response, 'BAD_MESSAGE', 'compressed');
    });

    it('is missing where none was sent', async () => {
      const response = await fetch(`${app.url}/v1/drains`, { method: 'POST', headers: bearer(WRITER) });
      await expectError(response, 'BAD_MESSAGE', 'The order is missing');
    });

    it('has 16 KiB at most', async () => {
      const ofSize = (bytes: number): string => JSON.stringify(drain).padEnd(bytes, ' ');
      expect((await order('/v1/drains', ofSize(16_384))).status).to.equal(201);
      await expectError(await order('/v1/drains', ofSize(16_385)), 'FRAME_TOO_LARGE', '16384 bytes');
      await expectError(await order('/v1/drains', ofSize(2_000_000)), 'FRAME_TOO_LARGE');
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

    it('say when to come back, in whole seconds', async () => {
      app.answers.cordon = () => {
        throw new Refusal('UNAVAILABLE', { retryAfterMs: 1_200 });
      };
      const response = await order('/v1/cordon', { target: HOST });
      expect(response.headers.get('retry-after')).to.equal('2');
      await expectError(response, 'UNAVAILABLE');
    });

    it('include a store that is away', async () => {
      app.answers.drains = () => {
        throw new StoreUnavailableError('Redis is gone');
      };
      const response = await read('/v1/drains');
      expect(response.headers.get('retry-after')).to.match(/^[12]$/);
      await expectError(response, 'UNAVAILABLE');
    });
  });

  it('are found under their own method and path only', async () => {
    for (const path of ['/v1/undrain', '/v1/cordon', '/v1/uncordon', '/v1/drain', '/v1/drains/d1']) {
      await expectError(await read(path), 'NOT_FOUND');
    }
    for (const path of ['/v1/audit', '/v1/drain', '/v1/undrains']) {
      await expectError(await order(path, { target: HOST }), 'NOT_FOUND');
    }
  });
});
