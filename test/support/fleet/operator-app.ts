import { toStoreMs } from '@duskline/server/domain/store-time.js';
import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createOperatorAuthenticator } from '@duskline/server/auth/authenticators.js';
import { createTokenVerifier } from '@duskline/server/auth/token-verifier.js';
import type { DrainReport } from '@duskline/server/broker/drain/drain-orders.js';
import type { Operations } from '@duskline/server/broker/operations/operations.js';
import { systemRuntime } from '@duskline/server/runtime/system-runtime.js';
import { loadConfig } from '@duskline/server/config/load-config.js';
import { createApp } from '@duskline/server/http/create-app.js';
import { TEST_CONFIG, TEST_ENV, failOnError, testToken } from './test-broker.js';

/** One call of the operations, by name and arguments. */
export type OperationCall = readonly [name: keyof Operations, ...args: readonly unknown[]];

/** The HTTP endpoints of a broker on a real port, with operations that record their calls. */
export interface OperatorApp {
  readonly url: string;
  /** Calls so far, in order. */
  readonly calls: OperationCall[];
  /** Results of the operations. A function may throw a refusal. Tests replace single functions. */
  answers: OperationAnswers;
  stop(): Promise<void>;
}

/** A function without arguments for each operation, which returns its result. */
export type OperationAnswers = { [Name in keyof Operations]: () => Awaited<ReturnType<Operations[Name]>> };

/** Token with the scope `ops:read`. */
export const READER = testToken({ kind: 'operator', operatorId: 'rita', scopes: ['ops:read'] });
/** Token with the scope `ops:write`. */
export const WRITER = testToken({ kind: 'operator', operatorId: 'olivia', scopes: ['ops:write'] });
/** Token with both scopes. */
export const OPERATOR = testToken({
  kind: 'operator',
  operatorId: 'olivia',
  scopes: ['ops:read', 'ops:write'],
});

/** A running drain of the region `near`, ordered at 12:00 with deadline 12:30; all four sessions remain. */
export function drainReport(change: Partial<DrainReport> = {}): DrainReport {
  return {
    drainId: 'd1',
    target: { region: 'near', pool: null, hostId: null },
    mode: 'wait',
    atDeadline: 'end',
    orderedAtMs: toStoreMs(Date.UTC(2026, 0, 1, 12)),
    deadlineAtMs: toStoreMs(Date.UTC(2026, 0, 1, 12, 30)),
    orderedBy: 'olivia',
    state: 'running',
    finishedAtMs: null,
    progress: { staying: 4, left: 0, moved: 0, ended: 0, remaining: 0 },
    ...change,
  };
}

/** Default results of the operations. */
export function plainAnswers(): OperationAnswers {
  return {
    drain: () => drainReport(),
    previewDrain: () => ({
      target: drainReport().target,
      sessions: 4,
      waiting: 1,
      freeSlots: [
        { region: 'next', slots: 12 },
        { region: 'far', slots: 3 },
      ],
      fits: [{ region: 'next', pool: 'console-x', sessions: 2 }],
      noRoom: 1,
      notMovable: 1,
    }),
    undrain: () => drainReport({ state: 'undone', finishedAtMs: toStoreMs(Date.UTC(2026, 0, 1, 12, 10)) }),
    cordon: () => undefined,
    uncordon: () => undefined,
    drains: () => [drainReport()],
    moves: () => [
      {
        atMs: toStoreMs(Date.UTC(2026, 0, 1, 12)),
        sessionId: '019a0000-0000-7000-8000-000000000001',
        from: { region: 'near', pool: 'console-x', hostId: 'h1' },
        to: { region: 'next', pool: 'console-x', hostId: 'h7' },
        cause: 'drain',
        reason: 'Session 019a0000-0000-7000-8000-000000000001 goes: its host is being drained.',
        outcome: 'moved',
        unclaimed: false,
        failure: null,
        tookMs: 42,
      },
    ],
    auditTrail: () => [
      {
        atMs: toStoreMs(Date.UTC(2026, 0, 1, 12)),
        operatorId: 'olivia',
        from: '127.0.0.1',
        action: 'drain',
        target: drainReport().target,
        details: '{"atDeadline":"end"}',
        result: 'ok',
      },
    ],
  };
}

/**
 * Starts one app for all tests of a block. Its calls and answers are reset before each test.
 *
 * @param onStart called with the app before the first test
 */
export function useOperatorApp(onStart: (app: OperatorApp) => void): void {
  let app: OperatorApp;
  before(async () => {
    app = await startOperatorApp();
    onStart(app);
  });
  after(() => app.stop());
  beforeEach(() => {
    app.calls.length = 0;
    app.answers = plainAnswers();
  });
}

async function startOperatorApp(): Promise<OperatorApp> {
  const { auth } = loadConfig({ text: TEST_CONFIG, env: TEST_ENV });
  const verifier = createTokenVerifier(auth, systemRuntime);
  const calls: OperationCall[] = [];
  const recordCall = async <Name extends keyof Operations>(
    name: Name,
    ...args: Parameters<Operations[Name]>
  ): Promise<ReturnType<OperationAnswers[Name]>> => {
    calls.push([name, ...args]);
    return (app.answers[name] as () => ReturnType<OperationAnswers[Name]>)();
  };
  const operations: Operations = {
    drain: (...args) => recordCall('drain', ...args),
    previewDrain: (...args) => recordCall('previewDrain', ...args),
    undrain: (...args) => recordCall('undrain', ...args),
    cordon: (...args) => recordCall('cordon', ...args),
    uncordon: (...args) => recordCall('uncordon', ...args),
    drains: () => recordCall('drains'),
    moves: (...args) => recordCall('moves', ...args),
    auditTrail: (...args) => recordCall('auditTrail', ...args),
  };
  const server = createServer(
    createApp({
      broker: {
        ready: true,
        status: async () => ({ brokerId: 'b1', store: 'memory', waiting: 0, regions: [] }),
      },
      operations,
      metrics: { contentType: 'text/plain', text: async () => '' },
      log: failOnError,
      authenticateOperator: (scope) => createOperatorAuthenticator(verifier, scope),
      random: systemRuntime.random,
    }),
  ).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const app: OperatorApp = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    answers: plainAnswers(),
    async stop() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
  return app;
}
