import type { RegionPool } from '@duskline/server/domain/catalog.js';
import { beginRequest } from '@duskline/server/domain/play-request/begin.js';
import type { PolledQueues, RequestEvent } from '@duskline/server/domain/play-request/events.js';
import type { Offer, Placed } from '@duskline/server/domain/play-request/play-request.js';
import { step } from '@duskline/server/domain/play-request/step.js';
import type { Transition } from '@duskline/server/domain/play-request/transition.js';
import { toStoreMs } from '@duskline/server/domain/store-time.js';
import { expect } from 'chai';

const NEAR: RegionPool = { region: 'near', pool: 'main' };
const FAR: RegionPool = { region: 'far', pool: 'main' };
const SLOT: Placed = { regionPool: NEAR, sessionId: 'session-1', epoch: 2 };
const ARRIVED = toStoreMs(1);

describe('A play request in a queue, when a store call answers late', () => {
  it('continues to poll the queue of an offer that arrived after the poll was sent and did not know the request', () => {
    const offer = offerIn(NEAR, 20);
    const offered = after(waitingInNear(), { type: 'offer_received', offer });
    const { request, effects } = after(offered, {
      type: 'polled',
      polled: { ...nothingPolled(10), missing: [NEAR] },
    });
    expect(request.phase).to.include({ name: 'offered', task: 'verify' });
    expect(request.queues).to.deep.equal([NEAR]);
    expect(effects).to.deep.equal([{ type: 'verify' }]);
  });

  it('is cancelled, and gives its slot up, when joining a further queue shows that another broker cancelled it', () => {
    const joining = after(waitingInNear(), {
      type: 'polled',
      polled: { ...nothingPolled(10), waiting: [waitsIn(NEAR)], acceptable: [NEAR, FAR] },
    });
    expect(joining.effects).to.deep.equal([{ type: 'join', regionPools: [FAR] }]);
    const placed = after(joining, { type: 'polled', polled: { ...nothingPolled(11), placed: SLOT } });
    expect(placed.request.phase.name).to.equal('describing');
    const cancelled = after(placed, {
      type: 'joined',
      queues: [FAR],
      arrivedAtMs: ARRIVED,
      refused: null,
      standing: 'over',
    });
    expect(cancelled.effects).to.deep.equal([{ type: 'leave_queues', queues: [FAR] }]);
    const left = after(cancelled, { type: 'described', result: 'ready' });
    expect(left.effects).to.deep.equal([{ type: 'leave', queues: [], slot: SLOT, everywhere: false }]);
    expect(after(left, { type: 'left' }).effects).to.deep.equal([
      { type: 'answer', answer: { kind: 'refused', code: 'CANCELLED' } },
    ]);
  });
});

function waitingInNear(): Transition<Placed> {
  const candidates = [NEAR, FAR].map((regionPool, i) => ({
    regionPool,
    rttMs: 10 * (i + 1),
    utilisation: 0.5,
    costMs: 20 * (i + 1),
    acceptableAfterMs: i === 0 ? 0 : 5_000,
    isMeasured: true,
    preference: i,
  }));
  const terms = {
    requestId: 'r1',
    onConflict: 'fail',
    autoAccept: false,
    candidates,
    unservable: null,
  } as const;
  const events: readonly RequestEvent<Placed>[] = [
    { type: 'recorded', outcome: { kind: 'new' } },
    { type: 'reserved', result: { kind: 'full' } },
    { type: 'joined', queues: [NEAR], arrivedAtMs: ARRIVED, refused: null, standing: 'own' },
  ];
  const waiting = events.reduce(after, beginRequest<Placed>(terms, 'session-1', 'wait', false));
  expect(waiting.request.phase).to.deep.equal({ name: 'waiting', task: 'none' });
  return waiting;
}

function after({ request }: Transition<Placed>, event: RequestEvent<Placed>): Transition<Placed> {
  return step(request, event);
}

function offerIn(regionPool: RegionPool, receivedAtMs: number): Offer {
  return { regionPool, epoch: 1, madeAtMs: ARRIVED, receivedAtMs, expiresAtMs: receivedAtMs + 100 };
}

function waitsIn(regionPool: RegionPool): PolledQueues<Placed>['waiting'][number] {
  return { regionPool, arrivedAtMs: ARRIVED, missed: false };
}

/** A poll, sent at a time of the monotonic clock, that tells nothing but that the near region pool is acceptable. */
function nothingPolled(queriedAtMs: number): PolledQueues<Placed> {
  return {
    queriedAtMs,
    waiting: [],
    offers: [],
    missing: [],
    timedOut: false,
    expired: false,
    heldByOther: false,
    placed: null,
    candidates: null,
    acceptable: [NEAR],
  };
}
