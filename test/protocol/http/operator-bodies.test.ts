import { expect } from 'chai';
import { WRITER, useOperatorApp, type OperatorApp } from '../../support/fleet/operator-app.js';
import { bearer, expectError, sendOrder } from '../../support/fleet/operator-requests.js';

describe('The body of an operator’s order', function () {
  this.timeout(10_000);
  let app: OperatorApp;
  useOperatorApp((started) => (app = started));

  const order = (...[path, ...said]: Parameters<typeof sendOrder>): Promise<Response> =>
    sendOrder(app.url + path, ...said);

  const drain = { target: { region: 'near' }, deadlineMs: 1_000 };
  const target = drain.target;

  const mistakes: readonly (readonly [what: string, body: unknown, text: string | RegExp])[] = [
    ['that is not an object', '[]', 'The body must be object'],
    ['that is null', 'null', 'The body must be object'],
    ['that is a string', '"drain everything"', 'The body must be object'],
    ['without a target', { deadlineMs: 1 }, /required propert.*target/],
    ['without a deadline', { target }, /required propert.*deadlineMs/],
    ['with an unknown field', { ...drain, force: true }, 'force is not a known field'],
    [
      'with a field named __proto__',
      '{"target":{"region":"near"},"deadlineMs":1,"__proto__":{"dryRun":true}}',
      '__proto__ is not a known field',
    ],
    [
      'with an unknown field in the target',
      { ...drain, target: { ...target, rack: 'r1' } },
      'target.rack is not',
    ],
    ['without a region', { ...drain, target: { pool: 'console-x' } }, /target .*region/],
    ['with a target given as a string', { ...drain, target: 'near' }, 'target must be object'],
    [
      'with a region that is not a name',
      { ...drain, target: { region: 'Near!' } },
      'target.region must be 1 to 63',
    ],
    ['with a region that is null', { ...drain, target: { region: null } }, 'target.region must be string'],
    [
      'with a pool that is not a name',
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
      'with a host whose pool is null',
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
    ['with an unknown mode', { ...drain, mode: 'now' }, 'mode must be one of: wait, move'],
    ['with a mode in capitals', { ...drain, mode: 'MOVE' }, 'mode must be one of: wait, move'],
    ['with a mode that is null', { ...drain, mode: null }, 'mode must be'],
    [
      'with an unknown atDeadline',
      { ...drain, atDeadline: 'explode' },
      'atDeadline must be one of: end, keep',
    ],
    ['with a dryRun that is a string', { ...drain, dryRun: 'false' }, 'dryRun must be boolean'],
    [
      'with a yesEverything that is a number',
      { ...drain, yesEverything: 1 },
      'yesEverything must be boolean',
    ],
    ['that is cut off', '{"target":', 'not valid JSON'],
    ['that is empty', '', /required propert/],
  ];
  for (const [what, body, text] of mistakes) {
    it(`with ${what} is refused, and the error names the field`, async () => {
      await expectError(await order('/v1/drains', body), 'BAD_MESSAGE', text);
      expect(app.calls).to.deep.equal([]);
    });
  }

  for (const path of ['/v1/drains', '/v1/undrain', '/v1/cordon', '/v1/uncordon']) {
    it(`of POST ${path} may have no unknown fields`, async () => {
      const response = await order(path, {
        ...drain,
        target: { region: 'near', pool: 'console-x', hostId: 'h1' },
        surprise: 1,
      });
      await expectError(response, 'BAD_MESSAGE', /(surprise|deadlineMs) is not a known field/);
    });
  }

  it('of another content type is refused', async () => {
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data', 'json']) {
      const response = await order('/v1/drains', drain, { 'content-type': type });
      await expectError(response, 'BAD_MESSAGE', 'content-type: application/json');
    }
    const untyped = await order('/v1/drains', new TextEncoder().encode(JSON.stringify(drain)), {
      'content-type': '',
    });
    await expectError(untyped, 'BAD_MESSAGE', 'content-type: application/json');
  });

  it('may declare the charset UTF-8, and no other', async () => {
    const inCharset = (charset: string): Promise<Response> =>
      order('/v1/drains', drain, { 'content-type': `application/json; charset=${charset}` });
    expect((await inCharset('utf-8')).status).to.equal(201);
    await expectError(await inCharset('latin1'), 'BAD_MESSAGE', 'UTF-8');
  });

  it('may not be compressed', async () => {
    const response = await order('/v1/drains', drain, { 'content-encoding': 'gzip' });
    await expectError(response, 'BAD_MESSAGE', 'compressed');
  });

  it('is required where the order has one', async () => {
    const response = await fetch(`${app.url}/v1/drains`, { method: 'POST', headers: bearer(WRITER) });
    await expectError(response, 'BAD_MESSAGE', 'The body is missing');
  });

  it('may be at most 16 KiB long', async () => {
    const ofSize = (bytes: number): string => JSON.stringify(drain).padEnd(bytes, ' ');
    expect((await order('/v1/drains', ofSize(16_384))).status).to.equal(201);
    await expectError(await order('/v1/drains', ofSize(16_385)), 'FRAME_TOO_LARGE', '16384 bytes');
    await expectError(await order('/v1/drains', ofSize(2_000_000)), 'FRAME_TOO_LARGE');
  });
});
