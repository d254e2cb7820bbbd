import { REVOCABLE_REASONS } from '../../fleet-store.js';
import type {
  AcceptOfferOutcome,
  EndedSession,
  EnqueueOutcome,
  PlacementStatus,
  QueueStatus,
  SessionRecord,
  WaitingPlacement,
  Withdrawal,
} from '../../fleet-store.js';
import type { PoolState } from '../pool/pool-state.js';
import { offerFreeSlots } from '../pool/slot-allocation.js';
import { assignClientBroker } from '../sessions/sessions.js';

/** Puts placements into the queue in their order, and then offers what is free. */
export function enqueue(
  place: PoolState,
  placements: readonly WaitingPlacement[],
  maxLength: number,
  nowMs: number,
): EnqueueOutcome[] {
  const answers = placements.map((wanted) => ({
    sessionId: wanted.sessionId,
    outcome: joinQueue(place, wanted, maxLength, nowMs),
  }));
  offerFreeSlots(place, nowMs);
  return answers.map(({ sessionId, outcome }): EnqueueOutcome => {
    const session = place.sessions.get(sessionId);
    return session?.state === 'offered' ? { kind: 'existing', session } : outcome;
  });
}

function joinQueue(
  place: PoolState,
  wanted: WaitingPlacement,
  maxLength: number,
  nowMs: number,
): EnqueueOutcome {
  const { sessionId, epoch, headStartMs, missed, clientBrokerId, meta } = wanted;
  const known = place.sessions.get(sessionId);
  if (known !== undefined && known.state !== 'ended') {
    return {
      kind: 'existing',
      session: known.state === 'offered' ? assignClientBroker(place, known, clientBrokerId) : known,
    };
  }
  if (known !== undefined && known.epoch >= epoch) return { kind: 'over', reason: known.reason ?? 'error' };
  if (place.closure !== 'open') return { kind: 'closed' };

  const waiting = place.waitingQueue.getQueued(sessionId);
  if (waiting !== undefined) {
    place.waitingQueue.update(sessionId, {
      epoch: Math.max(waiting.epoch, epoch),
      missed: waiting.missed || missed,
      clientBrokerId,
      meta,
    });
    place.waitingQueue.markAttended(sessionId, nowMs);
    return { kind: 'waiting', arrivedAtMs: waiting.arrivedAtMs };
  }
  if (place.waitingQueue.length >= maxLength) return { kind: 'queue_full' };
  const arrivedAtMs = wanted.arrivedAtMs ?? nowMs;
  const score = arrivedAtMs - headStartMs;
  place.waitingQueue.add({ sessionId, epoch, arrivedAtMs, score, missed, clientBrokerId, meta });
  place.waitingQueue.markAttended(sessionId, nowMs);
  return { kind: 'waiting', arrivedAtMs };
}

export function getQueueStatus(
  place: PoolState,
  sessionIds: readonly string[],
  attended: boolean,
  nowMs: number,
): QueueStatus {
  const { waitingQueue: line } = place;
  const ranks = line.positions(sessionIds);
  const placements = sessionIds.map((sessionId): PlacementStatus => {
    const entry = line.get(sessionId);
    const session = place.sessions.get(sessionId);
    if (attended && entry !== undefined) line.markAttended(sessionId, nowMs);
    const ahead = ranks.get(sessionId);
    if (entry !== undefined && ahead !== undefined) {
      const { arrivedAtMs, clientBrokerId, missed, meta } = entry;
      return { kind: 'waiting', ahead, arrivedAtMs, clientBrokerId, title: meta.title, missed };
    }
    return session === undefined ? { kind: 'unknown' } : { kind: 'session', session };
  });
  return { placements, length: line.length, freedPerMs: place.freedRate.measure(nowMs) };
}

/** Makes an offer a reservation. */
export function acceptOffer(
  place: PoolState,
  offer: {
    readonly sessionId: string;
    readonly fromEpoch: number;
    readonly toEpoch: number;
    readonly clientBrokerId: string;
  },
  ttlMs: number,
  nowMs: number,
): AcceptOfferOutcome {
  const { sessionId, fromEpoch, toEpoch, clientBrokerId } = offer;
  const known = place.sessions.get(sessionId);
  const host = place.hosts.get(known?.hostId ?? '');
  if (known === undefined || host === undefined || known.state === 'ended') return { kind: 'gone' };
  const hostConnectionId = host.connectionId;
  if (known.state !== 'offered') {
    // Said before, and the answer was lost.
    return known.epoch === toEpoch
      ? { kind: 'accepted', session: known, hostConnectionId }
      : { kind: 'gone' };
  }
  if (known.epoch !== fromEpoch) return { kind: 'gone' };
  const session: SessionRecord = {
    ...known,
    state: 'reserved',
    epoch: toEpoch,
    reservedAtMs: nowMs,
    clientBrokerId,
  };
  place.waitingQueue.delete(sessionId);
  place.saveLiveSession(host, session, nowMs + ttlMs);
  place.addChangedSession(host.brokerId, sessionId, clientBrokerId);
  return { kind: 'accepted', session, hostConnectionId };
}

/** Takes placements out of the queue, with what was offered to them, and ends what they were before. */
export function withdrawPlacements(
  place: PoolState,
  withdrawals: readonly Withdrawal[],
  nowMs: number,
  callerId: string,
): EndedSession[] {
  const ended: EndedSession[] = [];
  for (const { sessionId, belowEpoch } of withdrawals) {
    place.waitingQueue.delete(sessionId);
    const known = place.sessions.get(sessionId);
    if (known === undefined) continue;
    if (known.state === 'offered') {
      place.withdrawOffer(known, nowMs);
    } else if (known.epoch < belowEpoch && known.state !== 'ended') {
      ended.push(place.endSession(known, 'superseded', nowMs, callerId));
    } else if (
      known.epoch < belowEpoch &&
      known.reason !== null &&
      REVOCABLE_REASONS.includes(known.reason)
    ) {
      place.sessions.update({ ...known, reason: 'superseded' });
    }
  }
  return ended;
}
