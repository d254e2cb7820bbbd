import { createTokenSigner } from '@duskline/server/auth/token-signer.js';
import { secretKeyFrom } from '@duskline/server/auth/key-material.js';
import { parseAssertion } from '@duskline/loadtest/plan/assertions.js';
import { parseFault } from '@duskline/loadtest/plan/faults.js';
import type { LoadReport } from '@duskline/loadtest/report/load-report.js';
import { runLoadTest } from '@duskline/loadtest/run/run-load-test.js';
import type { Progress, RunOptions, SpawnedSystem, TokenSigner } from '@duskline/loadtest/run/run-options.js';
import { createMemoryStore } from '@duskline/server/store/memory/memory-store.js';
import { expect } from 'chai';
import { BUNDLED_COMMAND } from '../../support/processes/broker-process.js';
import { TEST_ENV, startTestBroker } from '../../support/fleet/test-broker.js';

function tokensOf(secret: string): TokenSigner {
  const signer = createTokenSigner({ key: secretKeyFrom(Buffer.from(secret)), algorithm: 'HS256' });
  return {
    player: (playerId) => signer.sign({ kind: 'player', playerId }, 3_600_000),
    host: (region, pool) => signer.sign({ kind: 'host', region, pool }, 3_600_000),
    operator: () =>
      signer.sign({ kind: 'operator', operatorId: 'ops', scopes: ['ops:read', 'ops:write'] }, 3_600_000),
  };
}

function spawned(brokers: number, more: Partial<SpawnedSystem> = {}): SpawnedSystem {
  // Started brokers get the environment of the command, and the bundle must run without coverage.
  const command = ['env', 'NODE_V8_COVERAGE=', process.execPath, BUNDLED_COMMAND, 'serve'];
  return { kind: 'spawn', brokers, command, regions: 2, createSigner: tokensOf, ...more };
}

function run(options: Partial<RunOptions> & { readonly system: RunOptions['system'] }): Promise<LoadReport> {
  return runLoadTest({
    ...{ driver: 'lean', workers: 1, profile: 'steady', ratePerSecond: 30, durationMs: 2_000 },
    ...{
      clients: 40,
      hosts: 6,
      slots: 8,
      sessionMs: 600,
      connectPerSecond: 200,
      seed: 1,
      saturationP99Ms: 250,
    },
    device: { kind: 'tv', codecs: ['hevc'], maxResolution: '1080p' },
    faults: [],
    assertions: [],
    ...options,
  });
}

/** With these limits a host counts as lost after two and a half seconds. */
const HASTY = {
  ...{ heartbeatIntervalMs: 500, suspectAfterMs: 1_000, lostAfterMs: 2_500 },
  ...{ sweepIntervalMs: 250, sweepGapMs: 500 },
};

function expectClean({ verdict, unanswered }: LoadReport): void {
  expect(verdict, verdict.examples.join('\n')).to.include({
    ...{ overbooked: 0, lost: 0, outOfOrder: 0, other: 0, settled: true },
  });
  expect(unanswered, 'requests without an answer').to.equal(0);
}

describe('A load test', function () {
  this.timeout(40_000);

  it('measures the wait of each player from its scheduled arrival, when a broker stalls for a second', async () => {
    const report = await run({
      system: spawned(1),
      faults: [parseFault('pause-broker@500ms:1s')],
      assertions: [parseAssertion('match.max>700'), parseAssertion('match.p50<100')],
    });
    expectClean(report);
    expect(report.offered).to.be.within(35, 90);
    expect(report.matched + report.noClientFree).to.equal(report.offered);
    // Players arrived while the broker was stalled. About half of them waited, between nothing and the whole second.
    const { match } = report.times;
    expect(match.max).to.be.above(700);
    expect(match.p99).to.be.above(600);
    const stalled = report.timeline.filter(({ max }) => max !== null && max > 500);
    expect(stalled.map(({ atMs }) => atMs)).to.include(0);
    expect(report.faults).to.have.length(1);
    expect(report.faults[0]?.untilMs).to.be.at.least(1_400);
    expect(report.brokers[0]?.memoryMaxBytes).to.be.above(20 * 1_048_576);
  });

  it('with the SDKs recovers every session after a broker and a host are killed', async () => {
    const stages = new Set<string>();
    const report = await run({
      system: spawned(2, { limits: HASTY }),
      ...{ driver: 'sdk', workers: 2, clients: 40, hosts: 4, sessionMs: 5_000, ratePerSecond: 20 },
      faults: [parseFault('kill-broker@1s'), parseFault('kill-host@1500ms')],
      onProgress: ({ stage }: Progress) => stages.add(stage),
    });
    expectClean(report);
    expect(report.socketsLost).to.be.at.least(1);
    expect(report.times.resume.count).to.be.at.least(report.socketsLost);
    expect(report.times.connect.count).to.equal(40);
    expect(report.faults.map(({ failure }) => failure)).to.deep.equal([undefined, undefined]);
    // Sessions of the killed host continue on another one, or end with host_lost.
    const { client_left: _, ...others } = report.ended;
    expect(Object.keys(others).filter((reason) => reason !== 'host_lost')).to.deep.equal([]);
    expect([...stages]).to.include.members(['connecting', 'loading', 'settling']);
  });

  for (const isFull of [false, true]) {
    it(`with the SDKs answers who asked while Redis was paused ${isFull ? 'although all slots are taken' : 'within 2 s of its end'}, and refuses nobody who had left before`, async () => {
      const report = await run({
        system: spawned(1),
        ...{ driver: 'sdk', clients: 60, ratePerSecond: 20, durationMs: 6_000 },
        ...(isFull ? { hosts: 2, slots: 3 } : { hosts: 6, slots: 12 }),
        faults: [parseFault('pause-redis@1s:4s')],
      });
      expectClean(report);
      expect(report.faults[0]).not.to.have.property('failure');
      expect(report.refused).to.deep.equal({});
      if (isFull) {
        expect(report.queued).to.be.above(0);
        return;
      }
      expect(report.matched).to.equal(report.offered - report.noClientFree);
      // An arrival is at the earliest at the beginning of its interval.
      const backAtMs = report.faults[0]!.untilMs!;
      const during = report.timeline.filter(({ atMs, max }) => atMs < backAtMs && max !== null);
      expect(Math.max(...during.map(({ max }) => max!)), 'longest wait').to.be.above(1_000);
      for (const { atMs, max } of during)
        expect(atMs + max! - backAtMs, `asked at ${atMs}`).to.be.below(2_000);
    });
  }

  it('with the lean driver on two threads queues players when slots are few, and survives faults', async () => {
    const report = await run({
      system: spawned(2),
      ...{ workers: 2, clients: 40, hosts: 2, slots: 4, ratePerSecond: 30, sessionMs: 400 },
      faults: [parseFault('pause-redis@500ms:500ms'), parseFault('kill-broker@1200ms:300ms')],
    });
    expectClean(report);
    expect(report.queued).to.be.above(0);
    expect(report.times.wait.count).to.be.above(0);
    expect(report.faults[1]?.untilMs).to.be.above(1_500);
    const [first, second] = report.setting.regions;
    expect([first?.slots, second?.slots]).to.deep.equal([4, 4]);
  });

  for (const driver of ['sdk', 'lean'] as const) {
    it(`with the ${driver} driver drains a region, and its sessions continue elsewhere`, async () => {
      const report = await run({
        system: spawned(2),
        ...{ driver, workers: 2, clients: 40, hosts: 4, slots: 20, ratePerSecond: 15, sessionMs: 30_000 },
        faults: [parseFault('drain:eu-west@1500ms:20s')],
        assertions: ['moved>=3', 'movesFailed==0', 'interrupted==0', 'move.max<2s'].map(parseAssertion),
      });
      expectClean(report);
      expect(report.passed, JSON.stringify([report.assertions, report.faults])).to.equal(true);
      expect(report.times.move.count).to.equal(report.moved);
      // A session that its player ends during a move may count as left in the drain, and as moved in the load test.
      const [, left = '0', moved] =
        /^(?:(\d+) left, )?(\d+) moved$/.exec(report.faults[0]?.outcome ?? '') ?? [];
      expect(Number(moved)).to.be.closeTo(report.moved, Number(left));
      expect(report).to.include({ replaced: 0, matched: report.offered });
    });
  }

  it('with players who do not support moves ends their sessions at the deadline of a drain', async () => {
    const report = await run({
      system: spawned(1),
      ...{ movableShare: 0, hosts: 4, sessionMs: 30_000, ratePerSecond: 15 },
      faults: [parseFault('drain:eu-west@1s:1s')],
    });
    expectClean(report);
    expect(report.moved).to.equal(0);
    expect(report.ended['drain_deadline']).to.be.above(0);
    // A player may end its session before the deadline.
    const outcome = report.faults[0]?.outcome ?? '';
    const [, ended] = /^(?:\d+ left, )?(\d+) ended$/.exec(outcome) ?? [];
    const seen = JSON.stringify([report.faults, report.ended]);
    expect(Number(ended), seen).to.equal(report.ended['drain_deadline']);
  });

  it('with the storm profile connects all players at once, and measures every time from that moment', async () => {
    const report = await run({
      system: spawned(1),
      profile: 'storm',
      clients: 60,
      hosts: 8,
      durationMs: 2_500,
    });
    expectClean(report);
    expect(report).to.include({ offered: 60, matched: 60 });
    const { connect, match } = report.times;
    expect(connect.count).to.equal(60);
    expect(match.max).to.be.at.least(connect.max);
  });

  it('with the step profile raises the load until a level breaks, and says whether the load generator was the cause', async () => {
    const report = await run({
      system: spawned(1),
      ...{ profile: 'step', clients: 10, ratePerSecond: 40, sessionMs: 1_500, durationMs: 1_000 },
    });
    expect(report.levels).to.have.length(1);
    expect(report.saturationPoint).to.include({ ratePerSecond: 0, brokeAt: 40, ownFault: true });
    expect(report.saturationPoint?.why).to.match(/^no client was free for/);
  });

  it('runs against brokers that already run, and leaves them as they were', async () => {
    const store = createMemoryStore({ suspectAfterMs: 60_000 });
    const duskline = await startTestBroker({ store });
    const tokens = tokensOf(TEST_ENV['DUSKLINE_AUTH_SECRET']);
    const system = {
      kind: 'url',
      urls: [duskline.url],
      title: 'starfall',
      pool: 'console-x',
      tokens,
    } as const;
    try {
      const report = await run({
        system,
        profile: 'evening',
        hosts: 3,
        durationMs: 1_500,
        faults: [parseFault('drain:near@500ms:1s')],
      });
      expectClean(report);
      expect(report.matched).to.be.above(10);
      expect(report.faults[0]).to.include({ target: 'near' });
      expect(report.faults[0]).not.to.have.property('failure');
      const regionPools = ['near', 'next', 'far'].map((region) => ({ region, pool: 'console-x' }));
      const left = await Promise.all(regionPools.map((regionPool) => store.listHosts(regionPool)));
      expect(left.flat().filter(({ committed }) => committed > 0)).to.deep.equal([]);
      const [drain] = await store.listDrains('near');
      expect(drain?.state).to.equal('undone');

      // Two runs with the same player tokens, signed by another service: a run must not be confused by requests of the run
      // before.
      const playerTokens = Array.from({ length: 10 }, (_, i) => tokens.player(`player-${i}`));
      for (const durationMs of [400, 500]) {
        const again = await run({
          system: { ...system, playerTokens },
          clients: 10,
          hosts: 2,
          sessionMs: 50,
          durationMs,
        });
        expectClean(again);
        expect(again.matched).to.be.above(0);
        expect(again.refused).to.deep.equal({});
      }
    } finally {
      await duskline.stop();
    }
  });

  it('rejects a run with missing or impossible options before it starts', async () => {
    const system = { kind: 'url', urls: ['ws://127.0.0.1:1'], title: 'starfall' } as const;
    const failure = (options: Partial<RunOptions>): Promise<string> =>
      run({ system, hosts: 0, ...options }).then(() => '', String);
    expect(await failure({ faults: [parseFault('kill-broker@1s')] })).to.match(
      /can only stop processes that it started/,
    );
    expect(await failure({ faults: [parseFault('kill-host@1s')] })).to.match(/simulates no hosts/);
    expect(await failure({ faults: [parseFault('drain:near@1s')] })).to.match(/needs an operator token/);
    expect(await failure({})).to.match(/Players need tokens/);
    const playerTokens = ['a.b.c'];
    expect(await failure({ system: { ...system, playerTokens } })).to.match(/1 tokens for 40 players/);
    expect(await failure({ system: { ...system, playerTokens }, clients: 1 })).to.match(
      /cannot connect to a broker/,
    );
  });
});
