import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { ESLint, Linter } from 'eslint';

const ROOT = fileURLToPath(new URL('../../../..', import.meta.url));

const FILES_ON_A_PASSED_CLOCK = [
  'client-sdk/play/play-request.ts',
  'host-sdk/simulated/load-model.ts',
  'sdk-runtime/backoff.ts',
  'server/auth/resume-tokens.ts',
  'server/broker/placement/request-runner.ts',
  'server/broker/sessions/new-session-id.ts',
  'server/duskline.ts',
  'server/store/memory/memory-store.ts',
  'server/store/redis/wake-ups.ts',
  'server/transport/connection-handler.ts',
];

const RESTRICTED = [
  'Date.now()',
  'new Date()',
  'performance.now()',
  'globalThis.performance.now()',
  'setTimeout(() => 1, 5)',
  'setInterval(() => 1, 5)',
  'setImmediate(() => 1)',
  'globalThis.setTimeout(() => 1, 5)',
  'queueMicrotask(() => 1)',
  'process.nextTick(() => 1)',
  'process.hrtime()',
  'AbortSignal.timeout(5)',
  'Math.random()',
  'crypto.randomUUID()',
  'crypto.getRandomValues(new Uint8Array(1))',
  'import "node:timers/promises"',
  'import { performance } from "node:perf_hooks"',
  'import { randomUUID } from "node:crypto"',
  'import { randomFillSync } from "node:crypto"',
  'import { v4 } from "uuid"',
];

/** The core rules of the linter that hold for a file, with the messages that code would get there. */
async function createCheck(file: string): Promise<(code: string) => string[]> {
  const { rules = {} } = (await new ESLint({ cwd: ROOT }).calculateConfigForFile(file)) as Linter.Config;
  const names = ['globals', 'properties', 'imports', 'syntax'].map((kind) => `no-restricted-${kind}`);
  const restrictions = Object.fromEntries(names.map((name) => [name, rules[name] ?? 'off'] as const));
  return (code) => new Linter().verify(code, { rules: restrictions }).map(({ message }) => message);
}

describe('The linter', () => {
  for (const file of FILES_ON_A_PASSED_CLOCK) {
    it(`refuses the platform's clock, timers and random numbers in ${file}`, async () => {
      const check = await createCheck(file);
      for (const code of RESTRICTED) expect(check(code), code).to.have.length.at.least(1);
      expect(check('clock.setTimer(() => new Date(5), random())')).to.deep.equal([]);
    });
  }

  for (const file of ['sdk-runtime/clock.ts', 'server/runtime/system-runtime.ts']) {
    it(`allows them in ${file}, which provides them`, async () => {
      const check = await createCheck(file);
      for (const code of RESTRICTED) expect(check(code), code).to.deep.equal([]);
    });
  }
});
