import { inspect } from 'node:util';
import type { SessionRecord } from '@duskline/server/store/fleet-store.js';
import { DEVICES, HOSTS, REQUEST_IDS } from './steps.js';
import type { Simulation } from './simulation.js';

const POOL = { region: 'near', pool: 'console-x' };
const PLAYERS = [...new Set(DEVICES.map(({ playerId }) => playerId))];

/** The sessions that have a slot, offers to requests among them. */
async function listSlots({ fleet }: Simulation): Promise<readonly SessionRecord[]> {
  const { sessions } = await fleet.store.scanSessions(POOL, null, 100);
  return sessions.filter(({ state }) => state !== 'ended');
}

/** What is wrong after a calm time: players, brokers, store and hosts have to agree. */
export async function findContradictions(simulation: Simulation): Promise<readonly string[]> {
  const slots = await listSlots(simulation);
  const sessions = slots.filter(({ state }) => state !== 'offered');
  return [
    ...simulation.errors.map((error) => `a broker failed: ${inspect(error)}`),
    ...simulation.wrongAnswers,
    ...findMissingAnswers(simulation, sessions),
    ...findWrongBeliefs(simulation, sessions),
    ...findWrongRequests(simulation, sessions),
    ...findWrongEntries(simulation),
    ...findWrongHosts(simulation, sessions),
  ];
}

function findMissingAnswers(
  { connections, fleet }: Simulation,
  sessions: readonly SessionRecord[],
): readonly string[] {
  return connections
    .filter(({ isOpen }) => isOpen)
    .flatMap((device) => [
      ...device.cancelling.map((requestId) => `${device.name}: no answer to cancel ${requestId}`),
      ...device.asking.flatMap((requestId) => {
        const { live } = fleet.store.playerRequests(device.playerId);
        const waits =
          live?.requestId === requestId && !sessions.some(({ sessionId }) => sessionId === live.sessionId);
        return waits ? [] : [`${device.name}: no answer to play ${requestId}`];
      }),
    ]);
}

/** Each session that a connection believes in lives, with one connection. Of one that lives, not every connection was told the end. */
function findWrongBeliefs(
  { connections, fleet }: Simulation,
  sessions: readonly SessionRecord[],
): readonly string[] {
  const problems: string[] = [];
  const holders = new Map<string, string>();
  const known = connections
    .filter(({ isOpen }) => isOpen)
    .flatMap((device) => device.sessions.map((session) => ({ device, ...session })));
  for (const { device, sessionId, isLive } of known) {
    const lives = sessions.some((session) => session.sessionId === sessionId);
    const other = holders.get(sessionId);
    if (!isLive) continue;
    if (!lives) problems.push(`${device.name} was not told the end of ${sessionId}`);
    if (other !== undefined) problems.push(`${device.name} and ${other} have ${sessionId}`);
    holders.set(sessionId, device.name);
  }
  for (const { device, sessionId, isLive } of known) {
    const lives = sessions.some((session) => session.sessionId === sessionId);
    const { live } = fleet.store.playerRequests(device.playerId);
    // After the last word on its request a client asks again, or has left; another connection may have been told instead.
    const isWaitingForNews = device.knows(live?.requestId ?? '') === 'matched' && !holders.has(sessionId);
    if (!isLive && lives && isWaitingForNews)
      problems.push(`${device.name} was told the end of ${sessionId}, which lives`);
  }
  return problems;
}

/** A player has at most one session, and that is of its live request, which was not cancelled. */
function findWrongRequests(simulation: Simulation, sessions: readonly SessionRecord[]): readonly string[] {
  return PLAYERS.flatMap((playerId) => {
    const { live } = simulation.fleet.store.playerRequests(playerId);
    const own = sessions.filter(({ meta }) => meta?.playerId === playerId);
    return [
      ...(own.length > 1 ? [`${playerId} has ${own.length} sessions`] : []),
      ...own
        .filter(({ sessionId }) => sessionId !== live?.sessionId)
        .map(({ sessionId }) => `${sessionId} of ${playerId} is not its live request`),
      ...(live !== null &&
      simulation.isCancelled(playerId, live.requestId) &&
      own.some(({ sessionId }) => sessionId === live.sessionId)
        ? [`${playerId} has a session of ${live.requestId}, which it has cancelled`]
        : []),
    ];
  });
}

/** Each request in the queue, or with an offer, is the live one of its player. */
function findWrongEntries({ fleet }: Simulation): readonly string[] {
  return fleet.store
    .poolState(POOL)
    .waitingQueue.listAll()
    .filter(({ sessionId, meta }) => fleet.store.playerRequests(meta.playerId).live?.sessionId !== sessionId)
    .map(({ sessionId, meta }) => `${sessionId} of ${meta.playerId} waits, and is not its live request`);
}

/** Each host has what the store has on it, at the same epochs. */
function findWrongHosts({ hosts }: Simulation, sessions: readonly SessionRecord[]): readonly string[] {
  return hosts.flatMap(({ hostId, held }) => {
    const known = sessions.filter((session) => session.hostId === hostId);
    const isSame = (a: Assignment, b: Assignment): boolean =>
      a.sessionId === b.sessionId && a.epoch === b.epoch;
    return [
      ...held
        .filter((one) => !known.some((other) => isSame(one, other)))
        .map(({ sessionId, epoch }) => `${hostId} has ${sessionId} at ${epoch}, and the store has not`),
      ...known
        .filter((one) => !held.some((other) => isSame(one, other)))
        .map(({ sessionId, epoch }) => `${hostId} has not ${sessionId} at ${epoch}, and the store has`),
    ];
  });
}

interface Assignment {
  readonly sessionId: string;
  readonly epoch: number;
}

/**
 * What is left after every player has cancelled every request: each player gets a slot again, and then as many new players as there
 * are slots.
 */
export async function findRemains(simulation: Simulation): Promise<readonly string[]> {
  const { clock, fleet } = simulation;
  for (const playerId of PLAYERS) {
    const device = simulation.reconnect(
      DEVICES.findIndex((one) => one.playerId === playerId),
      0,
    );
    for (const requestId of REQUEST_IDS) device.cancel(requestId);
  }
  await clock.elapse(3_000);
  const problems = [...(await findContradictions(simulation))];
  for (const { sessionId, state } of await listSlots(simulation)) problems.push(`${sessionId} is ${state}`);
  const { length } = fleet.store.poolState(POOL).waitingQueue.listAll();
  if (length > 0) problems.push(`${length} requests wait`);
  for (const playerId of PLAYERS) {
    const device = simulation.addDevice(playerId);
    device.play('again', { wait: false });
    await clock.elapse(100);
    if (device.knows('again') !== 'matched') problems.push(`${playerId} gets no slot any more`);
    device.cancel('again');
    await clock.elapse(100);
  }
  const others = HOSTS.map(({ hostId }) => simulation.addDevice(`player of ${hostId}`));
  for (const device of others) device.play('first', { wait: false });
  await clock.elapse(100);
  for (const device of others)
    if (device.knows('first') !== 'matched') problems.push(`${device.name} gets no slot`);
  return [...problems, ...(await findContradictions(simulation))];
}
