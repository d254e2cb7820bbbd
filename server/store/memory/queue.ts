import { REVOCABLE_REASONS } from '../fleet-store.js';
import type {
  AcceptOutcome,
  EndedSession,
  EnqueueOutcome,
  PlacementStatus,
  QueueReport,
  SessionRecord,
  WaitingPlacement,
  Withdrawal,
} from '../fleet-store.js';
import type { PlaceState } from './place-state.js';
import { serve } from './placements.js';
import { moveTo } from './sessions.js';

/** Puts placements into the queue in their order, and then offers what is free. */
export function enqueue(
  place: PlaceState,
  placements: readonly WaitingPlacement[],
  maxLength: number,
  nowMs: number,
): EnqueueOutcome[] {
  const answers = placements.map((wanted) => ({
    sessionId: wanted.sessionId,
    outcome: join(place, wanted, maxLength, nowMs),
  }));
  serve(place, nowMs);
  return answers.map(({ sessionId, outcome }): EnqueueOutcome => {
    const session = place.sessions.get(sessionId);
    return session?.state === 'offered' ? { kind: 'existing', session } : outcome;
  });
}

function join(place: PlaceState, wanted: WaitingPlacement, maxLength: number, nowMs: number): EnqueueOutcome {
  const { sessionId, epoch, headStartMs, missed, clientBrokerId, meta } = wanted;
  const known = place.sessions.get(sessionId);
  if (known !== undefined && known.state !== 'ended') {
    return {
      kind: 'existing',
      session: known.state === 'offered' ? moveTo(place, known, clientBrokerId) : known,
    };
  }
  if (known !== undefined && known.epoch >= epoch) return { kind: 'over', reason: known.reason ?? 'error' };
  if (place.closure !== 'open') return { kind: 'closed' };

  const waiting = place.line.queued(sessionId);
  if (waiting !== undefined) {
    place.line.note(sessionId, {
      epoch: Math.max(waiting.epoch, epoch),
      missed: waiting.missed || missed,
      clientBrokerId,
      meta,
    });
    place.line.attend(sessionId, nowMs);
    return { kind: 'waiting', arrivedAtMs: waiting.arrivedAtMs };
  }
  if (place.line.length >= maxLength) return { kind: 'queue_full' };
  const arrivedAtMs = wanted.arrivedAtMs ?? nowMs;
  const score = arrivedAtMs - headStartMs;
  place.line.join({ sessionId, epoch, arrivedAtMs, score, missed, clientBrokerId, meta });
  place.line.attend(sessionId, nowMs);
  return { kind: 'waiting', arrivedAtMs };
}

export function queueStatus(
  place: PlaceState,
  sessionIds: readonly string[],
  attended: boolean,
  nowMs: number,
): QueueReport {
  const { line } = place;
  const ranks = line.ranks(sessionIds);
  const placements = sessionIds.map((sessionId): PlacementStatus => {
    const entry = line.get(sessionId);
    const session = place.sessions.get(sessionId);
    if (attended && entry !== undefined) line.attend(sessionId, nowMs);
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
export function accept(
  place: PlaceState,
  offer: {
    readonly sessionId: string;
    readonly fromEpoch: number;
    readonly toEpoch: number;
    readonly clientBrokerId: string;
  },
  ttlMs: number,
  nowMs: number,
): AcceptOutcome {
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
  place.line.forget(sessionId);
  place.putLive(host, session, nowMs + ttlMs);
  place.post(host.brokerId, sessionId, clientBrokerId);
  return { kind: 'accepted', session, hostConnectionId };
}

/** Takes placements out of the queue, with what was offered to them, and ends what they were before. */
export function withdraw(
  place: PlaceState,
  withdrawals: readonly Withdrawal[],
  nowMs: number,
  callerId: string,
): EndedSession[] {
  const ended: EndedSession[] = [];
  for (const { sessionId, belowEpoch } of withdrawals) {
    place.line.forget(sessionId);
    const known = place.sessions.get(sessionId);
    if (known === undefined) continue;
    if (known.state === 'offered') {
      place.takeBack(known, nowMs);
    } else if (known.epoch < belowEpoch && known.state !== 'ended') {
      ended.push(place.end(known, 'superseded', nowMs, callerId));
    } else if (
      known.epoch < belowEpoch &&
      known.reason !== null &&
      REVOCABLE_REASONS.includes(known.reason)
    ) {
      place.sessions.rewrite({ ...known, reason: 'superseded' });
    }
  }
  return ended;
}
