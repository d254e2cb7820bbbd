import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import { waitUntil } from '../eventually.js';
import { MOVE_LIMITS, type MoveScope, type MovesFleet } from './moves-fleet.js';
import type { ReceivedReport } from './moving-client.js';
import { MoveScenario, type MoveStage, type SessionLocation } from './move-scenario.js';

export const PARTIES = ['client', 'old host', 'new host', 'broker'] as const;
export type Party = (typeof PARTIES)[number];

/**
 * - `stays`: it goes on where it was.
 * - `moved`: it goes on where it went.
 * - `anew`: its host died, and it has another one, at a higher epoch.
 * - `ended`: its host died, and its player was told so.
 */
export type Outcome = 'stays' | 'moved' | 'anew' | 'ended';

/** A party of a move, and when it is killed. */
export interface ProcessKillScenario {
  readonly party: Party;
  readonly gap: MoveStage;
  readonly scope: MoveScope;
  /** Whether both hosts and the client hang on the broker that carries the move out; else they are spread over the others. */
  readonly allOnMover: boolean;
  /** What the player asked for, in case that the host dies. */
  readonly onHostLost: 'replace' | 'end';
  /** Whether the client goes where it is told to. */
  readonly goes: boolean;
  /** How long after the client is let in; for that gap. */
  readonly afterMs: number;
  readonly outcomes: readonly Outcome[];
}

/** In milliseconds since the kill. */
export interface ProcessKillFigures {
  readonly outcome: Outcome;
  /** The player sees the game go on; `null` when the session ended, or it was the player who died. */
  readonly goesOnMs: number | null;
  /** From the last picture before to the first one after. */
  readonly interruptedMs: number | null;
  /** Counters, reservations and sessions agree everywhere. */
  readonly slotsMs: number;
}

/** What a busy machine adds to each bound: processes of a dozen scenes share it. */
const SLACK_MS = 2_000;
const { moveStepMs, lostAfterMs, sweepIntervalMs, sweepGapMs, leaseMs, leaseRenewMs } = MOVE_LIMITS;

/** Looks of brokers after what nobody tells them. */
const LOOK_MS = 1_000;
/** What is held for a move runs out, and a sweep finds it. */
const ARRIVAL_MS = 3 * moveStepMs + sweepIntervalMs;
/** A host that nobody tells anything lets the session go on. */
const STILL_MS = 6 * moveStepMs;
/** A host that died is lost: by two sweeps, and the first finds it late by one interval. */
const LOST_MS = lostAfterMs + 2 * sweepIntervalMs + sweepGapMs;
/** Who sweeps is dead, and another broker takes that over. */
const LEASE_MS = leaseMs + leaseRenewMs;
/** A host whose broker died connects to another one, at a moment that it draws. */
const RECONNECT_MS = 500;

/** When the player sees the game go on, at the latest. */
function goesOnWithinMs({ party, gap, allOnMover, goes }: ProcessKillScenario, outcome: Outcome): number {
  if (outcome === 'anew') return LOST_MS;
  if (outcome === 'moved') return party === 'broker' && allOnMover && gap !== 'moved' ? RECONNECT_MS : 0;
  switch (gap) {
    // The old host knows how long it may take.
    case 'checkpoint ordered':
      return moveStepMs;
    case 'checkpoint delivered':
      if (party !== 'broker') return moveStepMs;
      // The old host's broker sees that nobody carries the move out any more; or nobody does, but the host itself.
      return allOnMover ? STILL_MS : ARRIVAL_MS + LEASE_MS + LOOK_MS;
    case 'client notified':
    case 'client admitted':
    case 'moved':
      if (party === 'broker') return allOnMover ? STILL_MS : goes ? moveStepMs : 0;
      return gap === 'client notified' ? 0 : 1.5 * moveStepMs;
    default:
      return gap satisfies never;
  }
}

/** When no slot is held any more that nobody uses, at the latest. */
function slotsAgreeWithinMs(killed: ProcessKillScenario, outcome: Outcome): number {
  const { party } = killed;
  const held = party === 'broker' ? ARRIVAL_MS + LEASE_MS : ARRIVAL_MS;
  const lost = party === 'old host' || party === 'new host' ? LOST_MS : 0;
  // A session that goes on late is still held by the hosts that do not have it.
  const other = party === 'client' ? 0 : goesOnWithinMs(killed, outcome);
  return Math.max(held, lost, other);
}

/** Plays one scene to its end, on a fleet that is whole again afterwards. */
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
  // It was one move that was to be seen: no other one follows.
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

/** Returns when that was. */
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

/** Waits until the session is in one place, or nowhere, and everybody knows. Returns how long no slot agreed. */
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

/** The player sees the game go on, or comes back and does. */
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

/** Nobody remembers the move that came to nothing: the next one succeeds, and no picture is lost. */
async function moveAfterAll(scene: MoveScenario): Promise<void> {
  const { fleet, oldHost, newHost, client } = scene;
  for (const host of [oldHost, newHost]) host.process.order({ kind: 'faults', faults: {} });
  client.process.order({ kind: 'decide', goes: true });
  await fleet.drain(fleet.otherThan(scene.mover), oldHost);
  await waitUntil(() => client.last('moved') !== undefined && newHost.state.held === 1, 10_000);
  await waitUntil(() => scene.shown.at(-1)?.host.endsWith(newHost.hostId) === true);
  await waitUntil(async () => (await scene.locateSession()).slotsAgree);
}
