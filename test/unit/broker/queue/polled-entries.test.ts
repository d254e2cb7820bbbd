import { toStoreMs } from '@duskline/server/domain/store-time.js';
import { interpretEntry, isEntryMissing } from '@duskline/server/broker/queue/polled-entries.js';
import type { QueueEntryStatus, SessionRecord } from '@duskline/server/store/fleet-store.js';
import { expect } from 'chai';
import { REGION_POOL, metaOf } from '../../../support/fleet/fleet-data.js';

const OWN_EPOCH = 3;
const IDLE = { requestEpoch: OWN_EPOCH, accepting: false };
const ACCEPTING = { requestEpoch: OWN_EPOCH, accepting: true };

function sessionWith(changes: Partial<SessionRecord>): SessionRecord {
  return {
    sessionId: 's1',
    epoch: OWN_EPOCH,
    state: 'active',
    reason: null,
    hostId: 'h1',
    reservedAtMs: toStoreMs(1_000),
    clientBrokerId: 'broker-1',
    seq: 0,
    meta: metaOf('s1'),
    movable: false,
    ...changes,
  };
}

function statusOf(session: SessionRecord): QueueEntryStatus {
  return { kind: 'session', session };
}

describe('A queue entry', () => {
  it('that the store does not know means nothing', () => {
    expect(interpretEntry(IDLE, { kind: 'unknown' })).to.deep.equal({ kind: 'none' });
  });

  it('that waits means that the request still waits since its arrival', () => {
    const status: QueueEntryStatus = {
      kind: 'waiting',
      ahead: 2,
      arrivedAtMs: toStoreMs(5_000),
      clientBrokerId: 'broker-1',
      title: 'drift',
      missed: false,
    };
    expect(interpretEntry(IDLE, status)).to.deep.equal({
      kind: 'waiting',
      arrivedAtMs: toStoreMs(5_000),
    });
  });

  for (const { name, request } of [
    { name: 'no `accept` is under way', request: IDLE },
    { name: 'an `accept` is under way', request: ACCEPTING },
  ]) {
    it(`with an offer means that the store holds a slot, when ${name}`, () => {
      const session = sessionWith({ state: 'offered' });
      expect(interpretEntry(request, statusOf(session))).to.deep.equal({ kind: 'offered', session });
    });
  }

  describe('whose session has ended', () => {
    it('means that the request timed out, when the session missed its second offer', () => {
      const session = sessionWith({ state: 'ended', reason: 'reservation_expired', hostId: '' });
      expect(interpretEntry(IDLE, statusOf(session))).to.deep.equal({ kind: 'timed_out' });
    });

    it('means nothing when the session had a host, and its client did not claim the slot', () => {
      const session = sessionWith({ state: 'ended', reason: 'reservation_expired', hostId: 'h1' });
      expect(interpretEntry(IDLE, statusOf(session))).to.deep.equal({ kind: 'none' });
    });

    it('means nothing when the queue ended it for another reason', () => {
      const session = sessionWith({ state: 'ended', reason: 'reconnect_expired', hostId: '' });
      expect(interpretEntry(IDLE, statusOf(session))).to.deep.equal({ kind: 'none' });
    });
  });

  it('is missing when the store knows nothing, or only that the session had a host and has ended', () => {
    const isMissing = (status: QueueEntryStatus): boolean =>
      isEntryMissing({ regionPool: REGION_POOL, status, freedPerMs: null });
    const ended = (changes: Partial<SessionRecord>): QueueEntryStatus =>
      statusOf(sessionWith({ state: 'ended', ...changes }));
    expect(isMissing({ kind: 'unknown' })).to.equal(true);
    expect(isMissing(ended({ reason: 'superseded' }))).to.equal(true);
    expect(isMissing(ended({ reason: 'host_lost' }))).to.equal(true);
    // These ends have consequences of their own.
    expect(isMissing(ended({ reason: 'reservation_expired', hostId: '' }))).to.equal(false);
    expect(isMissing(ended({ reason: 'reconnect_expired', hostId: '' }))).to.equal(false);
    expect(isMissing(statusOf(sessionWith({ state: 'offered' })))).to.equal(false);
  });

  describe('whose session has an older epoch than the request', () => {
    for (const state of ['active', 'connected', 'disconnected'] as const) {
      for (const { name, request } of [
        { name: '', request: IDLE },
        { name: ', also while an `accept` is under way', request: ACCEPTING },
      ]) {
        it(`means that the host has admitted the player, when it is ${state}${name}`, () => {
          const session = sessionWith({ state, epoch: OWN_EPOCH - 1 });
          expect(interpretEntry(request, statusOf(session))).to.deep.equal({
            kind: 'recovered',
            session,
          });
        });
      }
    }

    it('means nothing when it is a reservation: its client did not claim it', () => {
      const session = sessionWith({ state: 'reserved', epoch: OWN_EPOCH - 1 });
      expect(interpretEntry(IDLE, statusOf(session))).to.deep.equal({ kind: 'none' });
    });
  });

  describe('whose session has the epoch of the request, or a higher one', () => {
    for (const state of ['reserved', 'active'] as const) {
      for (const epoch of [OWN_EPOCH, OWN_EPOCH + 1]) {
        it(`means that the offer was accepted: ${state} at epoch ${epoch} of ${OWN_EPOCH}`, () => {
          const session = sessionWith({ state, epoch });
          expect(interpretEntry(IDLE, statusOf(session))).to.deep.equal({ kind: 'accepted', session });
        });

        it(`means nothing while the reply to an \`accept\` is awaited: ${state} at epoch ${epoch} of ${OWN_EPOCH}`, () => {
          const session = sessionWith({ state, epoch });
          expect(interpretEntry(ACCEPTING, statusOf(session))).to.deep.equal({ kind: 'none' });
        });
      }
    }
  });
});
