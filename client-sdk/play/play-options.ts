import type { Offer, Queued, RegionChoice } from '@duskline/protocol';
import type { OnConflict, OnHostLost, Platform, Resolution } from '@duskline/protocol/vocabulary';
import type { RttByRegion } from '../latency/measure-rtt.js';
import type { SessionMove } from '../session/session-move.js';
import type { Listener } from '@duskline/sdk-runtime';

/** Where a request stands that waits for a slot. */
export type QueueState = Pick<Queued, 'position' | 'etaMs' | 'region'>;

/** A slot that is held for a request whose turn came. */
export interface SlotOffer extends Pick<Offer, 'region' | 'acceptWithinMs'> {
  /** Aborts when the offer no longer stands, or was answered: take the question off the screen. */
  readonly signal: AbortSignal;
}

export interface PlayOptions {
  readonly title: string;
  /** Takes the request back while it is pending; rejects with `ABORTED`. No effect on a session. */
  readonly signal?: AbortSignal | undefined;
  /** Only these regions, or all but these. Default: any. */
  readonly regions?: RegionChoice | undefined;
  /** Only hosts of this platform. Default: any. */
  readonly platform?: Platform | undefined;
  /** Only hosts that can send at least this picture. Default: any. */
  readonly minResolution?: Resolution | undefined;
  /** Round-trip times in milliseconds by region. Default: what `measureRegions` gives. */
  readonly rtt?: Readonly<RttByRegion> | undefined;
  /** Default: a new UUID. Give a stored one to come back to its session or its place, after a crash for example. */
  readonly requestId?: string | undefined;
  /** Whether to wait in the queue when no slot is free, for as long as it takes. Default `true`. */
  readonly wait?: boolean | undefined;
  /** What happens when the player has another session or request. Default `fail`: rejects with `SESSION_EXISTS`. */
  readonly onConflict?: OnConflict | undefined;
  /** Another host when the session's host is lost, or an end with `host_lost`. Default `replace`. */
  readonly onHostLost?: OnHostLost | undefined;
  /**
   * Told when the request begins to wait, and of every change of its place. Also after the match, when the slot was
   * lost before its host let the player in: `replaced` of the session follows.
   */
  readonly onQueued?: Listener<QueueState> | undefined;
  /**
   * Asked when the turn comes: `true` takes the slot, `false` leaves the queue and rejects with `OFFER_DECLINED`.
   * No answer within `acceptWithinMs` puts the request at the back of the queue, once. Default: takes it at once.
   */
  readonly onOffer?: ((offer: SlotOffer) => boolean | Promise<boolean>) | undefined;
  /**
   * Follows the session to another host while it is played: connects to `move.host`, shows `move.ticket` there, and
   * resolves when it is let in. Keep the stream from the old host until the session's event `moved`. When it throws
   * or rejects, or takes longer than `claimWithinMs`, the session stays where it is. Default: it is never moved.
   */
  readonly onMove?: Listener<SessionMove> | undefined;
  /**
   * Goes on asking for up to `maxWaitMs` milliseconds while the broker will not even queue the request
   * (`NO_CAPACITY` with `wait: false`, `QUEUE_FULL`, `UNAVAILABLE`). Default: rejects at once.
   */
  readonly retry?: { readonly maxWaitMs: number } | undefined;
}
