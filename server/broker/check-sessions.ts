import type { SessionRecord } from '../store/fleet-store.js';
import { placeName, type Place } from '../domain/catalog.js';
import type { LinkedSession } from './connections.js';
import type { BrokerContext } from './context.js';
import { deliver } from './deliver.js';
import { restoreClaim } from './restore-claim.js';

/** Looks in which every session of this broker's clients comes up once, when nothing is in doubt. */
const ROUNDS = 30;

/** A session that the store did not know in so many looks is over: word of its end was lost. */
const MAX_MISSES = 2;

/** A session of a client of this broker's, one that is here or one that was. */
type Remembered = Pick<LinkedSession, 'sessionId' | 'known'>;

/**
 * Compares what this broker's clients were told of their sessions with the store, a part of them a look. What a lost
 * Redis forgot about sessions that live on (whose they are, and by which request) is given back to it, also for clients
 * whose sockets are gone.
 *
 * @param round counts the looks
 * @param inDoubt the store was away a moment ago: all sessions, and the requests that led to them
 */
export async function checkSessions(context: BrokerContext, round: number, inDoubt: boolean): Promise<void> {
  const linked = context.connections.linkedSessions();
  const due = inDoubt ? linked : linked.filter((_, i) => i % ROUNDS === round % ROUNDS);
  if (inDoubt) {
    await Promise.all(linked.map((one) => restoreRequest(context, one.client.playerId, one)));
    await restoreDeparted(context);
  }
  await Promise.all(
    byPlace(due).map(async ([place, group]) => {
      const before = group.map(({ known: { epoch, state } }) => ({ epoch, state }));
      const records = await restoreOwners(context, place, group);
      group.forEach((one, i) => {
        // Told of more meanwhile: what was read may be from before that.
        if (one.known.epoch !== before[i]?.epoch || one.known.state !== before[i].state) return;
        follow(context, place, one, records[i] ?? null, inDoubt);
      });
    }),
  );
}

/** Those who are away find their sessions when they come back; nobody here is told of them. */
async function restoreDeparted(context: BrokerContext): Promise<void> {
  const { sessions } = context.departed;
  await Promise.all(
    sessions.all.map(async (one) => {
      if (!(await restoreRequest(context, one.playerId, one))) sessions.forget(one.sessionId);
    }),
  );
  await Promise.all(byPlace(sessions.all).map(([place, group]) => restoreOwners(context, place, group)));
}

function restoreRequest(
  context: BrokerContext,
  playerId: string,
  { sessionId, known: { place, request, epoch } }: Remembered,
): Promise<boolean> {
  return restoreClaim(context, { playerId, requestId: request.requestId, sessionId, place }, epoch);
}

function restoreOwners(
  { store, brokerId }: BrokerContext,
  place: Place,
  group: readonly Remembered[],
): Promise<readonly (SessionRecord | null)[]> {
  return store.restore(
    place,
    group.map(({ sessionId, known: { epoch, meta } }) => ({
      sessionId,
      epoch,
      clientBrokerId: brokerId,
      meta,
    })),
  );
}

function follow(
  context: BrokerContext,
  place: Place,
  { sessionId, client, known }: LinkedSession,
  record: SessionRecord | null,
  inDoubt: boolean,
): void {
  if (context.connections.clientOf(sessionId) !== client || client.sessions.get(sessionId) !== known) return;
  if (record !== null) {
    known.misses = 0;
    deliver(context, place, record);
    return;
  }
  // Its host may be about to report it. Who was not let in yet waits for that no longer than hosts need.
  const mayCome = known.state === 'reserved' ? context.doubt.isRebuilding : inDoubt;
  if (mayCome || known.state === 'ended') return;
  known.misses += 1;
  if (known.misses < MAX_MISSES) return;
  const { epoch, meta, request } = known;
  if (
    known.state === 'reserved' &&
    performance.now() < known.reservedUntilMs &&
    request.onHostLost !== 'end'
  ) {
    // A failover lost it, and its slot may be somebody else's by now.
    known.state = 'ended';
    context.replaceLost(client, place, { ...LOST, sessionId, epoch, meta }, 'reserved');
    return;
  }
  const reason = known.state === 'reserved' ? 'reservation_expired' : 'host_lost';
  client.channel.send({ type: 'session', sessionId, epoch, state: 'ended', reason });
  context.connections.unlinkSession(sessionId);
}

/** All that is known of a reservation of which the store knows nothing. */
const LOST = {
  state: 'ended',
  reason: 'host_lost',
  hostId: '',
  reservedAtMs: 0,
  clientBrokerId: '',
  movable: false,
} as const satisfies Partial<SessionRecord>;

function byPlace<T extends Remembered>(linked: readonly T[]): [Place, T[]][] {
  const groups = new Map<string, [Place, T[]]>();
  for (const one of linked) {
    const { place } = one.known;
    const group = groups.get(placeName(place)) ?? [place, []];
    group[1].push(one);
    groups.set(placeName(place), group);
  }
  return [...groups.values()];
}
