import type { Offer, Queued, RegionChoice } from '@duskline/protocol';
import type { OnConflict, OnHostLost, Platform, Resolution } from '@duskline/protocol/vocabulary';
import type { RttOrFailure } from '../latency/measure-rtt.js';
import type { SessionMove } from '../session/session-move.js';
import type { Listener } from '@duskline/sdk-runtime';

/** The position of a request that waits for a slot. */
export type QueueState = Pick<Queued, 'position' | 'etaMs' | 'region'>;

/** A slot that is reserved for a request at the head of the queue. */
export interface SlotOffer extends Pick<Offer, 'region' | 'acceptWithinMs'> {
  /** Aborts when the offer was answered or is no longer valid: close the dialog. */
  readonly signal: AbortSignal;
}

/** The options of `Client.play`. */
export interface PlayOptions {
  readonly title: string;
  /** Cancels the request while it is pending: `play()` rejects with `ABORTED`. Has no effect on a session. */
  readonly signal?: AbortSignal | undefined;
  /** Only these regions, or all except these. Default: all. */
  readonly regions?: RegionChoice | undefined;
  /** Only hosts of this platform. Default: any. */
  readonly platform?: Platform | undefined;
  /** Only hosts that can stream at least this resolution. Default: any. */
  readonly minResolution?: Resolution | undefined;
  /**
   * Round-trip times in milliseconds by region, `null` for regions that could not be measured. Default: the SDK measures, as
   * `measureRegions` does, and measures more regions when those give no slot.
   */
  readonly rtt?: Readonly<RttOrFailure> | undefined;
  /** Default: a new UUID. A stored one, for example after a crash, leads back to its session or its position in the queue. */
  readonly requestId?: string | undefined;
  /** Whether to wait in the queue, without a time limit, if no slot is free. Default `true`. */
  readonly wait?: boolean | undefined;
  /** What to do if the player has another session or request. Default `fail`: rejects with `SESSION_EXISTS`. */
  readonly onConflict?: OnConflict | undefined;
  /** Whether a session whose host is lost gets another host, or ends with `host_lost`. Default `replace`. */
  readonly onHostLost?: OnHostLost | undefined;
  /**
   * Called when the request enters the queue, and whenever its position changes. Also called after the match, if the slot was
   * lost before its host admitted the player: the session's event `replaced` follows.
   */
  readonly onQueued?: Listener<QueueState> | undefined;
  /**
   * Called when a slot is offered: `true` takes it, `false` leaves the queue and rejects with `OFFER_DECLINED`. Without an answer
   * within `acceptWithinMs` the request goes to the back of the queue, once. Default: every slot is taken at once.
   */
  readonly onOffer?: ((offer: SlotOffer) => boolean | Promise<boolean>) | undefined;
  /**
   * Called when the session may move to another host while it is played. It connects to `move.host`, shows `move.ticket` there,
   * and resolves when that host has admitted it. Keep the stream of the source host until the session's event `moved`. If the
   * callback throws, rejects, or takes longer than `claimWithinMs`, the session stays on its host. Default: sessions never move.
   */
  readonly onMove?: Listener<SessionMove> | undefined;
  /**
   * Retries for up to `maxWaitMs` milliseconds while the broker neither serves nor queues the request: after refusals that are
   * `retryable` (`NO_CAPACITY` with `wait: false`, `QUEUE_FULL`, `REGION_CLOSED`), and while it answers `UNAVAILABLE`. Default: a
   * refusal rejects at once, and `UNAVAILABLE`, which is no answer, is retried without a limit.
   */
  readonly retry?: { readonly maxWaitMs: number } | undefined;
}
