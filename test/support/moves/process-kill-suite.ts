import {
  runProcessKillScenario,
  type ProcessKillScenario,
  type ProcessKillFigures,
  type Outcome,
} from './process-kill-scenario.js';
import { MovesFleet } from './moves-fleet.js';
import { MOVE_STAGES } from './move-scenario.js';
import { startFor } from '../processes/started-processes.js';

/** Scenarios that run on the same fleets. */
export interface ScenarioGroup {
  readonly scenarios: readonly ProcessKillScenario[];
  readonly fleets: number;
  /** Scenarios that run at a time on one fleet. Must be 1 if brokers are killed, because all scenarios of a fleet use them. */
  readonly perFleet: number;
}

/** A failed scenario does not release its pool. */
const SPARE_POOLS = 2;

/** Longest time of a scenario, including those that run before it. */
const SUITE_TIMEOUT_MS = 120_000;

/**
 * Runs all scenarios, several at a time, because they spend most of their time waiting. Each test waits for the result of
 * one scenario. The last test checks the histories and prints the figures.
 */
export function describeProcessKills(title: string, ...groups: readonly ScenarioGroup[]): void {
  describe(title, function () {
    this.timeout(SUITE_TIMEOUT_MS);
    const all = groups.flatMap(({ scenarios }) => scenarios);
    const results = new Map(all.map((scenario) => [scenario, createDeferred()]));
    const figures: (ProcessKillFigures & ProcessKillScenario)[] = [];
    const fleets: MovesFleet[] = [];
    const runs: Promise<void>[] = [];
    let isOver = false;

    /** Runs scenarios until none is left. */
    const runAll = async (fleet: MovesFleet, waiting: ProcessKillScenario[]): Promise<void> => {
      for (let next = waiting.shift(); next !== undefined && !isOver; next = waiting.shift()) {
        const result = results.get(next)!;
        try {
          figures.push({ ...next, ...(await runProcessKillScenario(fleet, next)) });
          result.resolve();
        } catch (error) {
          result.reject(error);
          await fleet.replaceBrokers().catch(() => undefined);
        }
      }
    };

    const startRuns = async (): Promise<void> => {
      for (const { scenarios, fleets: count, perFleet } of groups) {
        const waiting = [...scenarios];
        for (let started = 0; started < count; started += 1) {
          const fleet = await MovesFleet.start(perFleet + SPARE_POOLS);
          fleets.push(fleet);
          for (let i = 0; i < perFleet; i += 1) runs.push(runAll(fleet, waiting));
        }
      }
    };

    // Scenarios run on across tests, so their processes belong to the suite.
    before(() => startFor('suite', startRuns));
    after(async () => {
      // Stops the remaining scenarios when the run was aborted.
      isOver = true;
      await Promise.all(runs);
      await Promise.all(fleets.map((fleet) => fleet.stop()));
    });

    for (const scenario of all) it(titleOf(scenario), () => results.get(scenario)!.promise);

    it('violates no rule in the history of any fleet', async () => {
      process.stdout.write(`    ${JSON.stringify({ scenario: title, ...summaryOf(figures) })}\n`);
      await Promise.all(fleets.map((fleet) => fleet.checkHistory()));
    });
  });
}

function titleOf({
  stage,
  scope,
  allOnMovingBroker,
  party,
  onHostLost,
  acceptsMove,
  afterMs,
  outcomes,
}: ProcessKillScenario): string {
  const parts = [
    party,
    stage,
    scope === 'near' ? 'within the region' : 'to another region',
    ...(party === 'broker' && allOnMovingBroker ? ['both hosts and the client are connected to it'] : []),
    ...(acceptsMove ? [] : ['the client declines the move']),
    ...(afterMs > 0 ? [`${afterMs} ms later`] : []),
    ...(outcomes.includes('ended') || outcomes.includes('replaced') ? [`onHostLost ${onHostLost}`] : []),
  ];
  return `${parts.join(', ')}: ${outcomes.map((outcome) => OUTCOME_TEXTS[outcome]).join(' or ')}`;
}

const OUTCOME_TEXTS: Readonly<Record<Outcome, string>> = {
  stays: 'continues on the source host',
  moved: 'continues on the target host',
  replaced: 'is placed on another host',
  ended: 'ends, and the player is notified',
};

/** The largest times for each stage and outcome, in milliseconds since the kill. */
function summaryOf(figures: readonly (ProcessKillFigures & ProcessKillScenario)[]): object {
  const resumedMs: Record<string, number> = {};
  const outcomes: Record<string, number> = {};
  const inOrder = [...figures].sort((a, b) => MOVE_STAGES.indexOf(a.stage) - MOVE_STAGES.indexOf(b.stage));
  for (const { stage, outcome, allOnMovingBroker, acceptsMove, resumedMs: ms } of inOrder) {
    outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
    if (ms === null) continue;
    const key = [
      stage,
      ...(allOnMovingBroker ? ['all connected to it'] : []),
      ...(acceptsMove ? [] : ['client declines']),
      outcome,
    ].join(', ');
    resumedMs[key] = Math.max(resumedMs[key] ?? 0, ms);
  }
  const slotsAgreeMs = Math.max(...figures.map(({ slotsAgreeMs: ms }) => ms));
  return { scenarios: figures.length, outcomes, slotsAgreeMs, resumedMs };
}

interface Deferred {
  readonly promise: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (reason: unknown) => void;
}

/** A promise that may be rejected before a test awaits it, without an unhandled rejection. */
function createDeferred(): Deferred {
  let resolve!: () => void;
  let reject!: (reason: unknown) => void;
  const promise = new Promise<void>((...settle) => ([resolve, reject] = settle));
  promise.catch(() => undefined);
  return { promise, resolve, reject };
}
