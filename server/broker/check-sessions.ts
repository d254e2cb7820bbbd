import type { SessionRecord } from '../store/fleet-store.js';
import { placeName, type Place } from '../domain/catalog.js';
import type { LinkedSession } from './connections.js';
import type { BrokerContext } from './context.js';
import { deliver } from './deliver.js';

/** Looks in which every session of this broker's clients comes up once, when nothing is in doubt. */
const ROUNDS = 30;

/** A session that the store did not know in so many looks is over: word of its end was lost. */
const MAX_MISSES = 2;

/**
 * Compares what this broker's clients were told of their sessions with the store, a part of them a look. What a lost
 * Redis forgot about sessions that live on (whose they are, and by which request) is given back to it.
 *
 * @param round counts the looks
 * @param inDoubt the store was away a moment ago: all sessions, and the requests that led to them
 */
export async function checkSessions(context: BrokerContext, round: number, inDoubt: boolean): Promise<void> {
  const linked = context.connections.linkedSessions();
  const due = inDoubt ? linked : linked.filter((_, i) => i % ROUNDS === round % ROUNDS);
  if (inDoubt) await restoreClaims(context, due);
  await Promise.all(
    byPlace(due).map(async ([place, group]) => {
      const records = await context.store.restore(
        place,
        group.map(({ sessionId, known: { epoch, meta } }) => ({
          sessionId,
          epoch,
          clientBrokerId: context.brokerId,
          meta,
        })),
      );
      group.forEach((one, i) => follow(context, place, one, records[i] ?? null, inDoubt));
    }),
  );
}

/** So that a repeated request finds its session again, and not a second one. */
async function restoreClaims(context: BrokerContext, linked: readonly LinkedSession[]): Promise<void> {
  await Promise.all(
    linked.map(async ({ sessionId, client, known }) => {
      const { place, request, epoch } = known;
      const claim = { playerId: client.playerId, requestId: request.requestId, sessionId, place };
      const outcome = await context.batches.claim(claim);
      if (outcome.kind === 'new' && epoch > 1) await context.store.reclaim(claim, epoch - 1);
    }),
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
  // Its host may be about to report it.
  if (inDoubt) return;
  known.misses += 1;
  if (known.misses < MAX_MISSES) return;
  const reason = known.state === 'reserved' ? 'reservation_expired' : 'host_lost';
  client.channel.send({ type: 'session', sessionId, epoch: known.epoch, state: 'ended', reason });
  context.connections.unlinkSession(sessionId);
}

function byPlace(linked: readonly LinkedSession[]): [Place, LinkedSession[]][] {
  const groups = new Map<string, [Place, LinkedSession[]]>();
  for (const one of linked) {
    const { place } = one.known;
    const group = groups.get(placeName(place)) ?? [place, []];
    group[1].push(one);
    groups.set(placeName(place), group);
  }
  return [...groups.values()];
}
