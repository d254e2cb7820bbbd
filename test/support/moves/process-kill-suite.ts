import {
  runProcessKillScenario,
  type ProcessKillScenario,
  type ProcessKillFigures,
  type Outcome,
} from './process-kill-scenario.js';
import { MovesFleet } from './moves-fleet.js';
import { MOVE_STAGES } from './move-scenario.js';
import { startFor } from '../processes/started-processes.js';

/** Scenarios that run on fleets of their own. */
export interface ScenarioGroup {
  readonly moves: readonly ProcessKillScenario[];
  readonly fleets: number;
  /** Scenarios that run at a time on one fleet. Must be 1 if brokers are killed, because all scenarios of a fleet use them. */
  readonly scenes: number;
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
    const all = groups.flatMap(({ moves }) => moves);
    const results = new Map(all.map((move) => [move, createPromise()]));
    const figures: (ProcessKillFigures & ProcessKillScenario)[] = [];
    const fleets: MovesFleet[] = [];
    const lanes: Promise<void>[] = [];
    let isOver = false;

    /** Runs scenarios until none is left. */
    const playAll = async (fleet: MovesFleet, waiting: ProcessKillScenario[]): Promise<void> => {
      for (let move = waiting.shift(); move !== undefined && !isOver; move = waiting.shift()) {
        const result = results.get(move)!;
        try {
          figures.push({ ...move, ...(await runProcessKillScenario(fleet, move)) });
          result.resolve();
        } catch (error) {
          result.reject(error);
          await fleet.replaceBrokers().catch(() => undefined);
        }
      }
    };

    const startLanes = async (): Promise<void> => {
      for (const { moves, fleets: count, scenes } of groups) {
        const waiting = [...moves];
        for (let started = 0; started < count; started += 1) {
          const fleet = await MovesFleet.start(scenes + SPARE_POOLS);
          fleets.push(fleet);
          for (let i = 0; i < scenes; i += 1) lanes.push(playAll(fleet, waiting));
        }
      }
    };

    // Scenarios run on across tests, so their processes belong to the suite.
    before(() => startFor('suite', startLanes));
    after(async () => {
      // Stops the remaining scenarios when the run was aborted.
      isOver = true;
      await Promise.all(lanes);
      await Promise.all(fleets.map((fleet) => fleet.stop()));
    });

    for (const move of all) it(nameOf(move), () => results.get(move)!.promise);

    it('and each history violates no rule', async () => {
      process.stdout.write(`    ${JSON.stringify({ scenario: title, ...summaryOf(figures) })}\n`);
      await Promise.all(fleets.map((fleet) => fleet.checkHistory()));
    });
  });
}

function nameOf({
  gap,
  scope,
  allOnMover,
  party,
  onHostLost,
  goes,
  afterMs,
  outcomes,
}: ProcessKillScenario): string {
  const parts = [
    party,
    gap,
    scope === 'near' ? 'within the region' : 'to another region',
    ...(party === 'broker' && allOnMover ? ['both hosts and the client are connected to it'] : []),
    ...(goes ? [] : ['the client stays']),
    ...(afterMs > 0 ? [`${afterMs} ms later`] : []),
    ...(outcomes.includes('ended') || outcomes.includes('anew') ? [`onHostLost ${onHostLost}`] : []),
  ];
  return `${parts.join(', ')}: ${outcomes.map((outcome) => SAYS[outcome]).join(' or ')}`;
}

const SAYS: Readonly<Record<Outcome, string>> = {
  stays: 'continues on the old host',
  moved: 'continues on the new host',
  anew: 'is placed on another host',
  ended: 'ends, and the player is notified',
};

/** The largest times for each stage and outcome, in milliseconds since the kill. */
function summaryOf(figures: readonly (ProcessKillFigures & ProcessKillScenario)[]): object {
  const goesOnMs: Record<string, number> = {};
  const outcomes: Record<string, number> = {};
  const inOrder = [...figures].sort((a, b) => MOVE_STAGES.indexOf(a.gap) - MOVE_STAGES.indexOf(b.gap));
  for (const { gap, outcome, allOnMover, goes, goesOnMs: ms } of inOrder) {
    outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
    if (ms === null) continue;
    const key = [
      gap,
      ...(allOnMover ? ['all connected to it'] : []),
      ...(goes ? [] : ['client stays']),
      outcome,
    ].join(', ');
    goesOnMs[key] = Math.max(goesOnMs[key] ?? 0, ms);
  }
  const slotsMs = Math.max(...figures.map(({ slotsMs: ms }) => ms));
  return { scenes: figures.length, outcomes, slotsMs, goesOnMs };
}

interface PromiseWithResolvers {
  readonly promise: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (reason: unknown) => void;
}

/** A promise that may be rejected before a test awaits it, without an unhandled rejection. */
function createPromise(): PromiseWithResolvers {
  let resolve!: () => void;
  let reject!: (reason: unknown) => void;
  const promise = new Promise<void>((...settle) => ([resolve, reject] = settle));
  promise.catch(() => undefined);
  return { promise, resolve, reject };
}
