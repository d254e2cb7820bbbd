import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import { moveDeadlines } from '@duskline/server/domain/move-deadlines.js';
import { waitUntil } from '../eventually.js';
import { MOVE_LIMITS, type MoveScope, type MovesFleet } from './moves-fleet.js';
import type { ReceivedReport } from './moving-client.js';
import { MoveScenario, type MoveStage, type SessionLocation } from './move-scenario.js';

export const PARTIES = ['client', 'old host', 'new host', 'broker'] as const;
export type Party = (typeof PARTIES)[number];

/**
 * What happens to the session:
 *
 * - `stays`: it goes on at the old host.
 * - `moved`: it goes on at the new host.
 * - `anew`: its host was killed, and it is placed on another host with a higher epoch.
 * - `ended`: its host was killed, and the player gets `session` `ended`.
 */
export type Outcome = 'stays' | 'moved' | 'anew' | 'ended';

/** A party of a move, and when it is killed. */
export interface ProcessKillScenario {
  readonly party: Party;
  readonly gap: MoveStage;
  readonly scope: MoveScope;
  /** Whether both hosts and the client are connected to the broker that runs the move. If not, they use different brokers. */
  readonly allOnMover: boolean;
  /** `onHostLost` of the player's request. */
  readonly onHostLost: 'replace' | 'end';
  /** Whether the client accepts the move. */
  readonly goes: boolean;
  /** For the stage `client admitted`: time from the admission to the kill. */
  readonly afterMs: number;
  readonly outcomes: readonly Outcome[];
}

/** In milliseconds since the kill. */
export interface ProcessKillFigures {
  readonly outcome: Outcome;
  /** Until the player receives frames again; `null` when the session ended, or the client was killed. */
  readonly goesOnMs: number | null;
  /** From the last frame before the kill to the first frame after it. */
  readonly interruptedMs: number | null;
  /** Until counters, reservations and sessions agree in the store and on the hosts. */
  readonly slotsMs: number;
}

/** Added to each bound, because the processes of a dozen scenarios share the machine. */
const SLACK_MS = 2_000;
const { moveStepMs, lostAfterMs, sweepIntervalMs, sweepGapMs, leaseMs, leaseRenewMs } = MOVE_LIMITS;

const { checkpointMs, restoreMs, clientMs, deliveryMs, reservedMs, pausedMs } = moveDeadlines(moveStepMs);

/** Poll interval of brokers. */
const LOOK_MS = 1_000;
/** Until a target reservation has expired and a sweep removes it. */
const ARRIVAL_MS = reservedMs + sweepIntervalMs;
/** Until a host without messages about a move resumes the paused session. */
const STILL_MS = pausedMs;
/** Until a killed host counts as lost: two sweeps, of which the first may be late by one interval. */
const LOST_MS = lostAfterMs + 2 * sweepIntervalMs + sweepGapMs;
/** Until another broker takes over the lease of a killed broker. */
const LEASE_MS = leaseMs + leaseRenewMs;
/** Until a host whose broker was killed has connected to another broker, after a random delay. */
const RECONNECT_MS = 500;

/** Upper bound of `goesOnMs`, without slack. */
function goesOnWithinMs({ party, gap, allOnMover, goes }: ProcessKillScenario, outcome: Outcome): number {
  if (outcome === 'anew') return LOST_MS;
  if (outcome === 'moved') return party === 'broker' && allOnMover && gap !== 'moved' ? RECONNECT_MS : 0;
  switch (gap) {
    // The old host resumes the session when the step's time has passed.
    case 'checkpoint ordered':
      return checkpointMs + deliveryMs;
    case 'checkpoint delivered':
      if (party !== 'broker') return restoreMs + deliveryMs;
      // Either the old host's broker detects that the move has no owner, or that broker is dead and the host resumes by itself.
      return allOnMover ? STILL_MS : ARRIVAL_MS + LEASE_MS + LOOK_MS;
    case 'client notified':
    case 'client admitted':
    case 'moved':
      if (party === 'broker') return allOnMover ? STILL_MS : goes ? clientMs : 0;
      return gap === 'client notified' ? 0 : clientMs + deliveryMs;
    default:
      return gap satisfies never;
  }
}

/** Upper bound of `slotsMs`, without slack. */
function slotsAgreeWithinMs(killed: ProcessKillScenario, outcome: Outcome): number {
  const { party } = killed;
  const held = party === 'broker' ? ARRIVAL_MS + LEASE_MS : ARRIVAL_MS;
  const lost = party === 'old host' || party === 'new host' ? LOST_MS : 0;
  // Until the session goes on, the other host still holds a slot for it.
  const other = party === 'client' ? 0 : goesOnWithinMs(killed, outcome);
  return Math.max(held, lost, other);
}

/** Runs one scenario to its end. Killed brokers are replaced afterwards. */
export async function runProcessKillScenario(
  fleet: MovesFleet,
  killed: ProcessKillScenario,
): Promise<ProcessKillFigures> {
  const { scope, onHostLost, allOnMover } = killed;
  const scene = await MoveScenario.start(fleet, {
    scope,
    onHostLost,
    brokersOf: (mover) => {
      const [one, two] = [...fleet.brokers.keys()].filter((index) => index !== mover) as [number, number];
      if (allOnMover) return [[mover], [mover], [mover]];
      return killed.party === 'broker' ? [[one], [two], [one, two]] : [[one], [two], [mover]];
    },
  });
  const before = scene.shown.at(-1)!.count;
  const killedAtMs = await killInGap(scene, killed);
  // Prevents further moves.
  await fleet.undrain(fleet.otherThan(scene.mover), scene.oldHost);
  if (killed.party !== 'client') scene.client.process.order({ kind: 'decide', goes: killed.goes });
  const slotsMs = await waitForSettled(scene, killed, killedAtMs);
  const outcome = outcomeOf(scene, await scene.locateSession());
  expect(killed.outcomes).to.include(outcome);
  expect(slotsMs, 'until no slot leaks').to.be.below(slotsAgreeWithinMs(killed, outcome) + SLACK_MS);
  const figures = {
    outcome,
    slotsMs: Math.round(slotsMs),
    ...(await waitForGameResumed(scene, killed, outcome, killedAtMs)),
  };
  expect(scene.shown.at(-1)!.count).to.be.above(outcome === 'anew' || outcome === 'ended' ? 0 : before);
  if (killed.party === 'broker') {
    await fleet.replaceBrokers();
    if (outcome === 'stays') await moveAfterAll(scene);
  }
  await scene.end();
  for (const { state } of [scene.oldHost, scene.newHost]) expect(state.counts.overbooked).to.equal(0);
  return figures;
}

/** Returns the time of the kill. */
async function killInGap(scene: MoveScenario, { party, gap, afterMs }: ProcessKillScenario): Promise<number> {
  const { client, oldHost, newHost, fleet, mover } = scene;
  const kill = async (): Promise<void> => {
    if (party === 'client') await scene.killClient();
    else if (party === 'broker') await scene.killMover();
    else await scene.killHost(party === 'old host' ? oldHost : newHost);
  };
  await scene.waitForStage(gap);
  expect(await scene.moveOwner(), 'who carries the move out').to.equal(fleet.brokerId(mover));
  let killedAtMs = performance.now();
  if (gap === 'client admitted') {
    const { pid } = {
      client: client.process,
      'old host': oldHost.process,
      'new host': newHost.process,
      broker: { pid: fleet.brokers[mover]!.process.pid ?? 0 },
    }[party];
    client.process.order({ kind: 'doom', pid, afterMs });
    client.process.order({ kind: 'decide', goes: true });
    await waitUntil(() => client.last('let-in')?.epoch === 2);
    killedAtMs = client.last('let-in')!.atMs + afterMs;
    await delay(afterMs);
  } else if (gap === 'moved') {
    client.process.order({ kind: 'decide', goes: true });
    await waitUntil(() => client.last('moved') !== undefined);
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
  scene: MoveScenario,
  killed: ProcessKillScenario,
  killedAtMs: number,
): Promise<number> {
  const withinMs = Math.max(...killed.outcomes.map((outcome) => slotsAgreeWithinMs(killed, outcome)));
  let slotsAtMs: number | undefined;
  let seen: SessionLocation | undefined;
  const untilMs = killedAtMs + withinMs + 2 * SLACK_MS;
  for (;;) {
    seen = await scene.locateSession();
    if (!seen.slotsAgree) slotsAtMs = undefined;
    else slotsAtMs ??= performance.now();
    if (slotsAtMs !== undefined && isSettled(scene, seen)) return slotsAtMs - killedAtMs;
    if (performance.now() > untilMs) {
      throw new Error(`not settled: ${await scene.describe()}`);
    }
    await delay(20);
  }
}

function isSettled({ client }: MoveScenario, { stored, held }: SessionLocation): boolean {
  if (stored.length === 0) return held.length === 0 && client.last('ended')?.reason === 'host_lost';
  const [record, ...others] = stored;
  const [own, ...copies] = held;
  if (record === undefined || own === undefined || others.length > 0 || copies.length > 0) return false;
  const isSame = record.hostId === own.hostId && record.epoch === own.epoch && record.state === own.state;
  if (!isSame || !own.begun) return false;
  if (!client.process.isAlive) return own.state === 'disconnected';
  const isTold = own.epoch === 1 || client.heard.some((told) => isNewAt(told, own.epoch));
  return isTold && own.state === 'connected';
}

function isNewAt(told: ReceivedReport, epoch: number): boolean {
  return (told.type === 'moved' || told.type === 'replaced') && told.epoch === epoch;
}

function outcomeOf({ oldHost, newHost }: MoveScenario, { held: [own] }: SessionLocation): Outcome {
  if (own === undefined) return 'ended';
  if (own.hostId === oldHost.hostId && own.epoch === 1) return 'stays';
  return own.hostId === newHost.hostId && newHost.state.counts.moved > 0 ? 'moved' : 'anew';
}

/** Waits until the player receives frames again. A killed client is started again first. */
async function waitForGameResumed(
  scene: MoveScenario,
  killed: ProcessKillScenario,
  outcome: Outcome,
  killedAtMs: number,
): Promise<Pick<ProcessKillFigures, 'goesOnMs' | 'interruptedMs'>> {
  const none = { goesOnMs: null, interruptedMs: null };
  if (outcome === 'ended') return none;
  if (killed.party === 'client') {
    scene.returnOfPlayer();
    await scene.play();
    return none;
  }
  await waitUntil(() => scene.shown.filter(({ atMs }) => atMs > killedAtMs).length > 2);
  const isCurrent = (epoch: number): boolean => outcome !== 'anew' || epoch > 1;
  const last = scene.shown.filter(({ atMs }) => atMs <= killedAtMs).at(-1)!;
  const first = scene.shown.find(({ atMs, epoch }) => atMs > killedAtMs && isCurrent(epoch))!;
  const goesOnMs = Math.round(first.atMs - killedAtMs);
  expect(goesOnMs, 'until the game goes on').to.be.below(goesOnWithinMs(killed, outcome) + SLACK_MS);
  return { goesOnMs, interruptedMs: Math.round(first.atMs - last.atMs) };
}

/** Checks that a failed move leaves no state behind: the next move succeeds. */
async function moveAfterAll(scene: MoveScenario): Promise<void> {
  const { fleet, oldHost, newHost, client } = scene;
  for (const host of [oldHost, newHost]) host.process.order({ kind: 'faults', faults: {} });
  client.process.order({ kind: 'decide', goes: true });
  await fleet.drain(fleet.otherThan(scene.mover), oldHost);
  await waitUntil(() => client.last('moved') !== undefined && newHost.state.held === 1, 10_000);
  await waitUntil(() => scene.shown.at(-1)?.host.endsWith(newHost.hostId) === true);
  await waitUntil(async () => (await scene.locateSession()).slotsAgree);
}
