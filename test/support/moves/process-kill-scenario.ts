import { expect } from 'chai';
import { moveDeadlines } from '@duskline/server/domain/move-deadlines.js';
import { waitUntil } from '../time/eventually.js';
import { MOVE_LIMITS, type MoveScope, type MovesFleet } from './moves-fleet.js';
import type { ReceivedReport } from './moving-client.js';
import { MoveScenario, type MoveStage, type SessionLocation } from './move-scenario.js';

/** Processes that take part in a move, and that a scenario can kill. */
export const PARTIES = ['client', 'source host', 'target host', 'broker'] as const;
/** One of `PARTIES`. */
export type Party = (typeof PARTIES)[number];

/**
 * What happens to the session:
 *
 * - `stays`: it continues on the source host.
 * - `moved`: it continues on the target host.
 * - `replaced`: its host was killed, and it is placed on another host with a higher epoch.
 * - `ended`: its host was killed, and the player gets `session` `ended`.
 */
export type Outcome = 'stays' | 'moved' | 'replaced' | 'ended';

/** A party of a move, and when it is killed. */
export interface ProcessKillScenario {
  readonly party: Party;
  /** Stage of the move at which it is killed. */
  readonly stage: MoveStage;
  readonly scope: MoveScope;
  /** Whether both hosts and the client are connected to the broker that runs the move. If not, they use different brokers. */
  readonly allOnMovingBroker: boolean;
  /** `onHostLost` of the player's request. */
  readonly onHostLost: 'replace' | 'end';
  /** Whether the client accepts the move. */
  readonly acceptsMove: boolean;
  /** For the stage `client admitted`: time from the admission to the kill. */
  readonly afterMs: number;
  readonly outcomes: readonly Outcome[];
}

/** In milliseconds since the kill. */
export interface ProcessKillFigures {
  readonly outcome: Outcome;
  /** Until the player receives frames again; `null` when the session ended, or the client was killed. */
  readonly resumedMs: number | null;
  /** From the last frame before the kill to the first frame after it. */
  readonly interruptedMs: number | null;
  /** Until counters, reservations and sessions agree in the store and on the hosts. */
  readonly slotsAgreeMs: number;
}

/** Added to each bound, because the processes of a dozen scenarios share the machine. */
const SLACK_MS = 2_000;
const { moveStepMs, lostAfterMs, sweepIntervalMs, sweepGapMs, leaseMs, leaseRenewMs } = MOVE_LIMITS;

const { checkpointMs, restoreMs, clientMs, deliveryMs, reservedMs, pausedMs } = moveDeadlines(moveStepMs);

/** Poll interval of brokers. */
const POLL_MS = 1_000;
/** Until a target reservation has expired and a sweep removes it. */
const TARGET_RESERVATION_MS = reservedMs + sweepIntervalMs;
/** Until a host that receives no message about a move resumes the paused session. */
const HOST_RESUMES_MS = pausedMs;
/** Until a killed host counts as lost: two sweeps, of which the first may be late by one interval. */
const LOST_MS = lostAfterMs + 2 * sweepIntervalMs + sweepGapMs;
/** Until another broker takes over the lease of a killed broker. */
const LEASE_MS = leaseMs + leaseRenewMs;
/** Until a host whose broker was killed has connected to another broker, after a random delay. */
const RECONNECT_MS = 500;

/** Upper bound of `resumedMs`, without slack. */
function resumedWithinMs(
  { party, stage, allOnMovingBroker, acceptsMove }: ProcessKillScenario,
  outcome: Outcome,
): number {
  if (outcome === 'replaced') return LOST_MS;
  if (outcome === 'moved')
    return party === 'broker' && allOnMovingBroker && stage !== 'moved' ? RECONNECT_MS : 0;
  switch (stage) {
    // The source host resumes the session when the step's time has passed.
    case 'checkpoint ordered':
      return checkpointMs + deliveryMs;
    case 'checkpoint delivered':
      if (party !== 'broker') return restoreMs + deliveryMs;
      // Either the source host's broker detects that the move has no owner, or that broker is dead and the host resumes by itself.
      return allOnMovingBroker ? HOST_RESUMES_MS : TARGET_RESERVATION_MS + LEASE_MS + POLL_MS;
    case 'client notified':
    case 'client admitted':
    case 'moved':
      if (party === 'broker') return allOnMovingBroker ? HOST_RESUMES_MS : acceptsMove ? clientMs : 0;
      return stage === 'client notified' ? 0 : clientMs + deliveryMs;
    default:
      return stage satisfies never;
  }
}

/** Upper bound of `slotsAgreeMs`, without slack. */
function slotsAgreeWithinMs(killed: ProcessKillScenario, outcome: Outcome): number {
  const { party } = killed;
  const held = party === 'broker' ? TARGET_RESERVATION_MS + LEASE_MS : TARGET_RESERVATION_MS;
  const lost = party === 'source host' || party === 'target host' ? LOST_MS : 0;
  // Until the session continues, the other host still holds a slot for it.
  const other = party === 'client' ? 0 : resumedWithinMs(killed, outcome);
  return Math.max(held, lost, other);
}

/** Runs one scenario to its end. Killed brokers are replaced afterwards. */
export async function runProcessKillScenario(
  fleet: MovesFleet,
  killed: ProcessKillScenario,
): Promise<ProcessKillFigures> {
  const { scope, onHostLost, allOnMovingBroker } = killed;
  const scenario = await MoveScenario.start(fleet, {
    scope,
    onHostLost,
    brokersOf: (movingBroker) => {
      const [one, two] = [...fleet.brokers.keys()].filter((index) => index !== movingBroker) as [
        number,
        number,
      ];
      if (allOnMovingBroker) return [[movingBroker], [movingBroker], [movingBroker]];
      return killed.party === 'broker' ? [[one], [two], [one, two]] : [[one], [two], [movingBroker]];
    },
  });
  const before = scenario.frames.at(-1)!.count;
  const killedAtMs = await killAtStage(scenario, killed);
  // Prevents further moves.
  await fleet.undrain(fleet.otherThan(scenario.movingBroker), scenario.sourceHost);
  if (killed.party !== 'client')
    scenario.client.process.order({ kind: 'answer-moves', accepts: killed.acceptsMove });
  const slotsAgreeMs = await waitForSettled(scenario, killed, killedAtMs);
  const outcome = outcomeOf(scenario, await scenario.locateSession());
  expect(killed.outcomes).to.include(outcome);
  expect(slotsAgreeMs, 'until the slots agree').to.be.below(slotsAgreeWithinMs(killed, outcome) + SLACK_MS);
  const figures = {
    outcome,
    slotsAgreeMs: Math.round(slotsAgreeMs),
    ...(await waitForFrames(scenario, killed, outcome, killedAtMs)),
  };
  expect(scenario.frames.at(-1)!.count).to.be.above(
    outcome === 'replaced' || outcome === 'ended' ? 0 : before,
  );
  if (killed.party === 'broker') {
    await fleet.replaceBrokers();
    if (outcome === 'stays') await moveAgain(scenario);
  }
  await scenario.end();
  for (const { state } of [scenario.sourceHost, scenario.targetHost])
    expect(state.counts.overbooked).to.equal(0);
  return figures;
}

/** Returns the time of the kill. */
async function killAtStage(
  scenario: MoveScenario,
  { party, stage, afterMs }: ProcessKillScenario,
): Promise<number> {
  const { client, sourceHost, targetHost, fleet, movingBroker } = scenario;
  const kill = async (): Promise<void> => {
    if (party === 'client') await scenario.killClient();
    else if (party === 'broker') await scenario.killMovingBroker();
    else await scenario.killHost(party === 'source host' ? sourceHost : targetHost);
  };
  await scenario.waitForStage(stage);
  expect(await scenario.moveOwner(), 'id of the broker that runs the move').to.equal(
    fleet.brokerId(movingBroker),
  );
  let killedAtMs = performance.now();
  if (stage === 'client admitted') {
    const broker = fleet.brokers[movingBroker]!;
    const { pid, exited } = {
      client: client.process,
      'source host': sourceHost.process,
      'target host': targetHost.process,
      broker: { pid: broker.process.pid ?? 0, exited: broker.exited },
    }[party];
    client.process.order({ kind: 'kill-at-admission', pid, afterMs });
    client.process.order({ kind: 'answer-moves', accepts: true });
    await waitUntil(() => client.lastReport('admitted')?.epoch === 2);
    killedAtMs = client.lastReport('admitted')!.atMs + afterMs;
    await exited;
  } else if (stage === 'moved') {
    client.process.order({ kind: 'answer-moves', accepts: true });
    await waitUntil(() => client.lastReport('moved') !== undefined);
    killedAtMs = performance.now();
  }
  await kill();
  return killedAtMs;
}

/**
 * Waits until the session is on exactly one host or has ended, and store, hosts and client agree.
 *
 * @returns time from the kill until the slots agreed, in milliseconds
 */
async function waitForSettled(
  scenario: MoveScenario,
  killed: ProcessKillScenario,
  killedAtMs: number,
): Promise<number> {
  const withinMs = Math.max(...killed.outcomes.map((outcome) => slotsAgreeWithinMs(killed, outcome)));
  let slotsAtMs = NaN;
  const isSettledNow = async (): Promise<boolean> => {
    const location = await scenario.locateSession();
    if (!location.slotsAgree) slotsAtMs = NaN;
    else if (Number.isNaN(slotsAtMs)) slotsAtMs = performance.now();
    return location.slotsAgree && isSettled(scenario, location);
  };
  const deadlineMs = killedAtMs + withinMs + 2 * SLACK_MS - performance.now();
  await waitUntil(isSettledNow, deadlineMs, { pollIntervalMs: 20, describe: () => scenario.describe() });
  return slotsAtMs - killedAtMs;
}

function isSettled({ client }: MoveScenario, { stored, held }: SessionLocation): boolean {
  if (stored.length === 0) return held.length === 0 && client.lastReport('ended')?.reason === 'host_lost';
  const [record, ...others] = stored;
  const [own, ...copies] = held;
  if (record === undefined || own === undefined || others.length > 0 || copies.length > 0) return false;
  const isSame = record.hostId === own.hostId && record.epoch === own.epoch && record.state === own.state;
  if (!isSame || !own.begun) return false;
  if (!client.process.isAlive) return own.state === 'disconnected';
  const isNotified = own.epoch === 1 || client.reports.some((report) => isOnNewHost(report, own.epoch));
  return isNotified && own.state === 'connected';
}

/** Whether the client reports that the session is on another host, under this epoch. */
function isOnNewHost(report: ReceivedReport, epoch: number): boolean {
  return (report.type === 'moved' || report.type === 'replaced') && report.epoch === epoch;
}

function outcomeOf({ sourceHost, targetHost }: MoveScenario, { held: [own] }: SessionLocation): Outcome {
  if (own === undefined) return 'ended';
  if (own.hostId === sourceHost.hostId && own.epoch === 1) return 'stays';
  return own.hostId === targetHost.hostId && targetHost.state.counts.moved > 0 ? 'moved' : 'replaced';
}

/** Waits until the player receives frames again. A killed client is started again first. */
async function waitForFrames(
  scenario: MoveScenario,
  killed: ProcessKillScenario,
  outcome: Outcome,
  killedAtMs: number,
): Promise<Pick<ProcessKillFigures, 'resumedMs' | 'interruptedMs'>> {
  const none = { resumedMs: null, interruptedMs: null };
  if (outcome === 'ended') return none;
  if (killed.party === 'client') {
    scenario.restartClient();
    await scenario.play();
    return none;
  }
  await waitUntil(() => scenario.frames.filter(({ atMs }) => atMs > killedAtMs).length > 2);
  const isCurrent = (epoch: number): boolean => outcome !== 'replaced' || epoch > 1;
  const last = scenario.frames.filter(({ atMs }) => atMs <= killedAtMs).at(-1)!;
  const first = scenario.frames.find(({ atMs, epoch }) => atMs > killedAtMs && isCurrent(epoch))!;
  const resumedMs = Math.round(first.atMs - killedAtMs);
  expect(resumedMs, 'until the player receives frames again').to.be.below(
    resumedWithinMs(killed, outcome) + SLACK_MS,
  );
  return { resumedMs, interruptedMs: Math.round(first.atMs - last.atMs) };
}

/** Checks that the next move succeeds, so that the failed one has left no state behind. */
async function moveAgain(scenario: MoveScenario): Promise<void> {
  const { fleet, sourceHost, targetHost, client } = scenario;
  for (const host of [sourceHost, targetHost]) host.process.order({ kind: 'faults', faults: {} });
  client.process.order({ kind: 'answer-moves', accepts: true });
  await fleet.drain(fleet.otherThan(scenario.movingBroker), sourceHost);
  await waitUntil(() => client.lastReport('moved') !== undefined && targetHost.state.held === 1, 10_000);
  await waitUntil(() => scenario.frames.at(-1)?.host.endsWith(targetHost.hostId) === true);
  await waitUntil(async () => (await scenario.locateSession()).slotsAgree);
}
