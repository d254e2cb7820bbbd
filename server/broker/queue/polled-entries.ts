import type { StoreMs } from '../../domain/store-time.js';
import type { RegionPool } from '../../domain/catalog.js';
import type { QueueEntryStatus, QueueStatus, SessionRecord } from '../../store/fleet-store.js';

/** A waiting request in the queue of one region pool, as the store reported it. */
export interface PolledEntry {
  readonly regionPool: RegionPool;
  readonly status: QueueEntryStatus;
  /** Slots freed per millisecond in this region pool; `null` when the store has too few samples. */
  readonly freedPerMs: number | null;
}

/** The entry of the request whose session id stood at `index` in the query. */
export function toPolledEntry(
  regionPool: RegionPool,
  { entries, freedPerMs }: QueueStatus,
  index: number,
): PolledEntry {
  return { regionPool, status: entries[index] ?? { kind: 'unknown' }, freedPerMs };
}

/**
 * What an entry means for its request:
 *
 * - `waiting`: the request is still in the queue.
 * - `offered`: the store holds a slot for the request.
 * - `timed_out`: the request missed its second offer, which ended it.
 * - `recovered`: the broker considered the session lost and raised the request's epoch, but the host has admitted the player.
 * - `accepted`: the offer became a session: the reply to this broker's `accept` was lost, or another broker accepted.
 * - `none`: the store does not know the request, or what it knows concerns an older epoch or a declined offer.
 */
export type EntryMeaning =
  | { readonly kind: 'waiting'; readonly arrivedAtMs: StoreMs }
  | { readonly kind: 'offered' | 'recovered' | 'accepted'; readonly session: SessionRecord }
  | { readonly kind: 'timed_out' | 'none' };

/** Decides what an entry means for the request in its present state. */
export function interpretEntry(
  { requestEpoch, accepting }: { readonly requestEpoch: number; readonly accepting: boolean },
  status: QueueEntryStatus,
): EntryMeaning {
  if (status.kind === 'unknown') return { kind: 'none' };
  if (status.kind === 'waiting') return { kind: 'waiting', arrivedAtMs: status.arrivedAtMs };
  const { session } = status;
  switch (session.state) {
    case 'offered':
      return { kind: 'offered', session };
    case 'ended':
      return { kind: endedWithoutHost(status, 'reservation_expired') ? 'timed_out' : 'none' };
    default:
      if (session.state !== 'reserved' && session.epoch < requestEpoch) return { kind: 'recovered', session };
      if (session.epoch >= requestEpoch && !accepting) return { kind: 'accepted', session };
      return { kind: 'none' };
  }
}

/**
 * Whether the store ended the entry because no broker polled it for `queueGraceMs`. With a connected client this happens
 * when this broker was cut off from the store or its process was paused.
 */
export function isEntryExpired({ status }: PolledEntry): boolean {
  return endedWithoutHost(status, 'reconnect_expired');
}

/**
 * Whether the request is not in this queue: the store knows nothing of it, or only that its session has ended, which is all that is left
 * when a request that waits again is cancelled or taken over on another broker.
 */
export function isEntryMissing(entry: PolledEntry): boolean {
  const { status } = entry;
  if (status.kind !== 'session') return status.kind === 'unknown';
  return (
    status.session.state === 'ended' &&
    !endedWithoutHost(status, 'reservation_expired') &&
    !isEntryExpired(entry)
  );
}

/** A session that ended without ever having a host ended in a queue. */
function endedWithoutHost(
  status: QueueEntryStatus,
  endReason: 'reservation_expired' | 'reconnect_expired',
): boolean {
  if (status.kind !== 'session') return false;
  const { state, hostId, reason } = status.session;
  return state === 'ended' && hostId === '' && reason === endReason;
}

/** Whether every entry that waits or has an offer belongs to another broker: the player's newer connection is there. */
export function isHeldByOtherBroker(entries: readonly PolledEntry[], ownBrokerId: string): boolean {
  const holders = entries.flatMap(({ status }) => {
    if (status.kind === 'waiting') return [status.clientBrokerId];
    const isOffered = status.kind === 'session' && status.session.state === 'offered';
    return isOffered ? [status.session.clientBrokerId] : [];
  });
  return holders.length > 0 && holders.every((holder) => holder !== '' && holder !== ownBrokerId);
}
