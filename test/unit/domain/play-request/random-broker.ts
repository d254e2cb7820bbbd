import { toStoreMs, type StoreMs } from '@duskline/server/domain/store-time.js';
import type { RegionPool } from '@duskline/server/domain/catalog.js';
import { beginRequest } from '@duskline/server/domain/play-request/begin.js';
import {
  isCall,
  type RequestCall,
  type RequestEffect,
} from '@duskline/server/domain/play-request/effects.js';
import type {
  PolledQueues,
  RequestEvent,
  RequestResult,
  Standing,
} from '@duskline/server/domain/play-request/events.js';
import type {
  Answer,
  Offer,
  PhaseName,
  Placed,
  PlayRequest,
  RememberedRequest,
  RequestTerms,
} from '@duskline/server/domain/play-request/play-request.js';
import { step } from '@duskline/server/domain/play-request/step.js';
import type { Candidate } from '@duskline/server/domain/ranking.js';
import type { Choose } from '../random-choice.js';

const REGION_POOLS: readonly RegionPool[] = ['near', 'middle', 'far'].map((region) => ({
  region,
  pool: 'main',
}));

const CANDIDATES: readonly Candidate[] = REGION_POOLS.map((regionPool, i) => ({
  regionPool,
  rttMs: 10 * (i + 1),
  utilisation: 0.5,
  costMs: 20 * (i + 1),
  acceptableAfterMs: i < 2 ? 0 : 5_000,
  isMeasured: true,
  preference: i,
}));

const ARRIVED = toStoreMs(1);
const OTHER: RememberedRequest = {
  requestId: 'other',
  sessionId: 'session-of-other',
  epoch: 3,
  regionPool: REGION_POOLS[0]!,
  ageMs: 0,
  state: 'live',
};

/**
 * A broker and a store that answer every call of one request as a real store may, in any order and with any outcome, and that
 * remember what the store holds for the request.
 */
export class RandomBroker {
  request: PlayRequest<Placed>;
  readonly answers: Answer<Placed>[] = [];
  /** Messages about offers that the client was sent. */
  readonly offerMessages: ('send_offer' | 'send_no_offer')[] = [];
  /** Slots that the store holds for the request, by session and epoch. */
  readonly slots = new Map<string, Placed>();
  /** Queues in which the store has the request. */
  readonly queues = new Map<string, RegionPool>();
  /** Calls that are not answered yet. */
  readonly open: RequestCall<Placed>[] = [];
  /** Every change of the phase: from, event, to. */
  readonly transitions: (readonly [PhaseName, RequestEvent<Placed>['type'], PhaseName])[] = [];
  isRemembered = false;
  /** Another connection cancelled the request after this one was answered, and so ended its session. */
  isEndedElsewhere = false;
  cancelledIn: string | null = null;
  #epoch = 1;
  #offers = 0;
  #nowMs = 0;

  constructor(
    private readonly choose: Choose,
    options: Pick<RequestTerms, 'onConflict' | 'autoAccept'> & {
      readonly mayWait: boolean;
      readonly ahead: boolean;
    },
  ) {
    const { onConflict, autoAccept, mayWait, ahead } = options;
    const wish = { requestId: 'r1', onConflict, autoAccept };
    const terms: RequestTerms = { ...wish, candidates: CANDIDATES, unservable: null };
    const begun = beginRequest<Placed>(terms, 'session-1', mayWait ? 'wait' : 'refuse', ahead);
    this.request = begun.request;
    for (const effect of begun.effects) this.#carryOut(effect);
  }

  /** Answers the calls of a new request so that it waits in the two near queues, or joins them at this moment. */
  startWaiting(hasJoined: boolean): void {
    this.#answer('record', { type: 'recorded', outcome: { kind: 'new' } });
    for (let tried = 0; tried < 2; tried += 1) {
      this.#answer('reserve', { type: 'reserved', result: { kind: 'full' } });
    }
    if (!hasJoined) return;
    const queues = REGION_POOLS.slice(0, 2);
    for (const queue of queues) this.queues.set(queue.region, queue);
    this.#answer('join', { type: 'joined', queues, arrivedAtMs: ARRIVED, refused: null, standing: 'own' });
  }

  #answer(call: RequestCall<Placed>['type'], result: RequestResult<Placed>): void {
    const open = this.open.findIndex(({ type }) => type === call);
    if (open < 0) throw new Error(`No call "${call}" is open.`);
    this.open.splice(open, 1);
    this.dispatch(result);
  }

  get isClosed(): boolean {
    return this.request.phase.name === 'closed' && this.open.length === 0;
  }

  dispatch(event: RequestEvent<Placed>): void {
    this.#nowMs += 1;
    const { phase: before } = this.request;
    const { request, effects } = step(this.request, event);
    this.request = request;
    if (request.phase.name !== before.name)
      this.transitions.push([before.name, event.type, request.phase.name]);
    for (const effect of effects) this.#carryOut(effect);
  }

  /** Answers one open call, whichever is chosen. */
  answerOne(): void {
    if (this.open.length === 0) return;
    const call = this.choose(this.open);
    this.open.splice(this.open.indexOf(call), 1);
    this.dispatch(this.#resultOf(call));
  }

  /** An event that is not the result of a call. */
  happen(
    type: 'cancelled' | 'accepted' | 'disconnected' | 'replaced_by_other' | 'offer' | 'polled' | 'missed',
  ): void {
    const { phase } = this.request;
    switch (type) {
      case 'cancelled':
        if (phase.name !== 'closed' && phase.name !== 'leaving') this.cancelledIn = phase.name;
        this.dispatch({ type: 'cancelled' });
        return;
      case 'accepted':
      case 'disconnected':
      case 'replaced_by_other':
        this.dispatch({ type });
        return;
      case 'missed':
        this.dispatch({ type: 'missed_second_offer' });
        return;
      case 'offer':
        this.dispatch({ type: 'offer_received', offer: this.#newOffer() });
        return;
      case 'polled':
        this.dispatch({ type: 'polled', polled: this.#poll() });
    }
  }

  #newOffer(): Offer {
    this.#offers += 1;
    return {
      regionPool: this.choose(REGION_POOLS),
      epoch: this.#epoch,
      madeAtMs: toStoreMs(this.#offers),
      receivedAtMs: this.#nowMs,
      expiresAtMs: this.#nowMs + this.choose([0, 10, 100]),
    };
  }

  #poll(): PolledQueues<Placed> {
    const queues = [...this.queues.values()];
    const expired = this.choose([false, false, false, false, true]);
    const isGone = expired || this.choose([false, false, false, true]);
    if (isGone) this.queues.clear();
    return {
      queriedAtMs: this.#nowMs,
      waiting: isGone
        ? []
        : queues.map((regionPool) => ({
            regionPool,
            arrivedAtMs: ARRIVED,
            missed: this.choose([false, true]),
          })),
      offers: this.choose([0, 0, 1]) === 1 ? [this.#newOffer()] : [],
      missing: isGone && !expired ? queues : [],
      timedOut: this.choose([false, false, false, false, true]),
      expired,
      heldByOther: this.choose([false, false, false, false, true]),
      // The store has a session only for a request that stands in queues and whose offer is not being confirmed.
      placed: this.#mayBePlaced() && this.choose([false, false, false, false, true]) ? this.#newSlot() : null,
      candidates: this.choose([null, null, CANDIDATES]),
      acceptable: this.choose([[], REGION_POOLS.slice(0, 2), REGION_POOLS]),
    };
  }

  #mayBePlaced(): boolean {
    const { phase } = this.request;
    return (
      phase.name === 'waiting' || phase.name === 'offered' || (phase.name === 'confirming' && !phase.underWay)
    );
  }

  #newSlot(regionPool = this.choose(REGION_POOLS)): Placed {
    const placed = {
      regionPool,
      sessionId: this.request.sessionId,
      epoch: (this.#epoch += 1),
    };
    this.slots.set(keyOf(placed), placed);
    // A queue position that became a session no longer exists.
    this.queues.delete(placed.regionPool.region);
    return placed;
  }

  #carryOut(effect: RequestEffect<Placed>): void {
    if (isCall(effect)) this.open.push(effect);
    switch (effect.type) {
      case 'answer':
        this.answers.push(effect.answer);
        return;
      case 'send_offer':
      case 'send_no_offer':
        this.offerMessages.push(effect.type);
        return;
      case 'release':
        this.slots.delete(keyOf(effect.placed));
        return;
      case 'leave_queues':
        for (const queue of effect.queues) this.queues.delete(queue.region);
        return;
      case 'return_offer':
        this.queues.delete(effect.regionPool.region);
        return;
      case 'remember':
        this.isRemembered = true;
        return;
      default:
    }
  }

  #resultOf(call: RequestCall<Placed>): RequestResult<Placed> {
    if (call.type !== 'leave' && this.choose([false, false, false, false, false, false, true])) {
      // The store may have carried out a call that it did not answer.
      if (this.choose([true, false])) this.#answerOf(call);
      return { type: 'failed', call: call.type, code: this.choose(['UNAVAILABLE', 'INTERNAL'] as const) };
    }
    return this.#answerOf(call);
  }

  #answerOf(call: RequestCall<Placed>): RequestResult<Placed> {
    switch (call.type) {
      case 'record':
        return {
          type: 'recorded',
          outcome: this.choose([
            { kind: 'new' },
            { kind: 'repeat', record: { ...OTHER, requestId: 'r1', sessionId: 'session-0' } },
            { kind: 'repeat', record: { ...OTHER, requestId: 'r1', state: 'replaced' } },
            { kind: 'live', other: OTHER, sessionId: 'session-2' },
          ] as const),
        };
      case 'reserve':
        return {
          type: 'reserved',
          result: this.choose([
            () => ({ kind: 'placed', placed: this.#newSlot() }) as const,
            () => ({ kind: 'full' }) as const,
            () => ({ kind: 'refused', code: 'NO_SUITABLE_POOL' }) as const,
            () => ({ kind: 'replaced' }) as const,
          ])(),
        };
      case 'locate':
        return {
          type: 'located',
          result: this.choose([
            () => ({ kind: 'placed', placed: this.#newSlot() }) as const,
            () => ({ kind: 'lost', regionPool: REGION_POOLS[0]!, epoch: this.#epoch }) as const,
            () => ({ kind: 'waiting', position: this.#position() }) as const,
            () => ({ kind: 'nothing' }) as const,
            () => ({ kind: 'over', code: 'SESSION_OVER' }) as const,
            () => ({ kind: 'replaced' }) as const,
          ])(),
        };
      case 'inspect':
        return { type: 'inspected', found: this.choose(['ended', 'waiting', 'session'] as const) };
      case 'replace':
        return {
          type: 'replaced',
          outcome: this.choose([
            { kind: 'done' },
            { kind: 'live', other: OTHER },
            { kind: 'outdated' },
          ] as const),
        };
      case 'resume':
        return {
          type: 'resumed',
          result: this.choose([
            () => ({ kind: 'placed', placed: this.#newSlot() }) as const,
            () => ({ kind: 'waiting', position: this.#position() }) as const,
            () => ({ kind: 'ended' }) as const,
            () => ({ kind: 'live', other: OTHER }) as const,
            () => ({ kind: 'outdated' }) as const,
            () => ({ kind: 'known', record: { ...OTHER, requestId: 'r1' } }) as const,
          ])(),
        };
      case 'start_attempt':
        return {
          type: 'attempt_started',
          result: this.choose([
            () => ({ kind: 'started', epoch: (this.#epoch += 1) }) as const,
            () => ({ kind: 'refused', code: 'UNAVAILABLE' }) as const,
            () => ({ kind: 'continued', record: { ...OTHER, requestId: 'r1' } }) as const,
            () => ({ kind: 'replaced' }) as const,
          ])(),
        };
      case 'describe': {
        const result = this.choose([
          ...(['ready', 'ready', 'host_left', 'unknown', 'replaced', 'resumed', 'cancelled'] as const),
        ]);
        // The request that resumed this one has the slot.
        if (result === 'resumed') this.slots.delete(keyOf(call.placed));
        return { type: 'described', result };
      }
      case 'join':
        return this.#join(call.regionPools);
      case 'confirm':
        return {
          type: 'confirmed',
          result: this.choose([
            () =>
              ({ kind: 'placed', placed: this.#newSlot(call.offer.regionPool), epoch: this.#epoch }) as const,
            () => ({ kind: 'gone', epoch: this.#epoch }) as const,
            () => ({ kind: 'continued' }) as const,
            () => ({ kind: 'unknown', epoch: this.#epoch }) as const,
          ])(),
        };
      case 'verify':
        return {
          type: 'verified',
          standing: this.#standing(),
          epoch: this.#epoch,
          acceptable: this.choose([[], REGION_POOLS.slice(0, 2)]),
        };
      case 'requeue':
        return { type: 'requeued', epoch: this.choose([(this.#epoch += 1), null]) };
      case 'leave':
        for (const queue of call.queues) this.queues.delete(queue.region);
        if (call.slot !== null) this.slots.delete(keyOf(call.slot));
        if (call.everywhere) {
          this.queues.clear();
          this.slots.clear();
        }
        return { type: 'left' };
    }
  }

  #join(regionPools: readonly RegionPool[]): RequestResult<Placed> {
    const joined = regionPools.filter(() => this.choose([true, true, false]));
    for (const regionPool of joined) this.queues.set(regionPool.region, regionPool);
    const refused = joined.length === 0 && this.request.queues.length === 0 ? 'QUEUE_FULL' : null;
    const standing = joined.length === 0 ? 'own' : this.#standing();
    return {
      type: 'joined',
      queues: joined,
      arrivedAtMs: joined.length === 0 ? null : ARRIVED,
      refused,
      standing,
    };
  }

  #standing(): Standing {
    const standing = this.choose([
      ...(['own', 'own', 'own', 'own'] as const),
      ...(['replaced', 'resumed', 'continued', 'over', 'unknown'] as const),
    ]);
    // The cancel on another connection has ended the session in every region pool.
    if (standing === 'over') {
      this.slots.clear();
      this.isEndedElsewhere = this.answers.length > 0;
    }
    return standing;
  }

  #position(): {
    sessionId: string;
    epoch: number;
    arrivedAtMs: StoreMs;
    missedOffer: boolean;
    queues: RegionPool[];
  } {
    const regionPool = this.choose(REGION_POOLS);
    this.queues.set(regionPool.region, regionPool);
    return {
      sessionId: 'session-0',
      epoch: this.#epoch,
      arrivedAtMs: ARRIVED,
      missedOffer: false,
      queues: [regionPool],
    };
  }
}

function keyOf({ sessionId, epoch }: Placed): string {
  return `${sessionId}/${epoch}`;
}
