import { expect } from 'chai';
import fc from 'fast-check';
import { SessionTable, type ClaimOutcome } from '@duskline/host/internal/sessions/session-table';
import {
  HOST_SESSION_EVENTS,
  HOST_SESSION_STATES,
  isHeld,
  nextState,
  TRANSITIONS,
} from '@duskline/host/internal/sessions/session-transitions';
import { sessionIdOf } from '../tickets.js';

const STREAM = { codec: 'hevc', resolution: '1080p', fps: 60 } as const;

function assignment(number: number, epoch = 1) {
  return { sessionId: sessionIdOf(number), epoch, title: 'meadow', playerId: `player-${number}` };
}

function prepared(number: number, epoch = 1, claimWithinMs = 1_000) {
  return { ...assignment(number, epoch), stream: STREAM, claimWithinMs };
}

function faultOf(outcome: ClaimOutcome): string {
  return outcome.ok ? 'none' : outcome.fault;
}

describe('host session transitions', () => {
  it('allow no transition out of ended, and one into ended from every other state', () => {
    expect(TRANSITIONS.ended).to.deep.equal({});
    for (const state of HOST_SESSION_STATES) {
      if (state !== 'ended') expect(nextState(state, 'end')).to.equal('ended');
    }
  });

  it('admit a client only where none is connected', () => {
    const open = HOST_SESSION_STATES.filter((state) => nextState(state, 'admit') !== undefined);
    expect(open).to.deep.equal(['prepared', 'disconnected']);
  });

  it('count active, connected, disconnected and moving as held', () => {
    const held = ['active', 'connected', 'disconnected', 'moving'];
    expect(HOST_SESSION_STATES.filter(isHeld)).to.deep.equal(held);
  });

  it('start a move only while the stream runs, and return to the former state', () => {
    const movable = HOST_SESSION_STATES.filter((state) => nextState(state, 'checkpoint') !== undefined);
    expect(movable).to.deep.equal(['connected']);
    const resumable = HOST_SESSION_STATES.filter((state) => nextState(state, 'resume') !== undefined);
    expect(resumable).to.deep.equal(['moving']);
    expect(nextState('moving', 'resume')).to.equal('connected');
    expect(nextState('moving', 'connect')).to.be.undefined;
  });
});

describe('host session table', () => {
  it('admits the client of a prepared session once', () => {
    const table = new SessionTable(2);
    expect(table.prepare(prepared(1), 0).kind).to.equal('prepared');
    expect(table.claim(assignment(1), 1)).to.include({ ok: true, readmitted: false });
    expect(faultOf(table.claim(assignment(1), 2))).to.equal('already_claimed');
  });

  it('admits the client again after a lost stream, whether the session was active or connected', () => {
    for (const events of [['disconnect'], ['connect', 'disconnect']] as const) {
      const table = new SessionTable(1);
      table.claim(assignment(1), 0);
      const record = table.get(sessionIdOf(1))!;
      for (const event of events) expect(table.applyEvent(record, event)).to.be.true;
      expect(table.claim(assignment(1), 1)).to.include({ ok: true, readmitted: true });
      expect(faultOf(table.claim(assignment(1), 2))).to.equal('already_claimed');
    }
  });

  it('admits a ticket that arrives before its prepare, and learns the stream from the prepare', () => {
    const table = new SessionTable(1);
    expect(faultOf(table.claim(assignment(1), 0))).to.equal('none');
    expect(table.get(sessionIdOf(1))?.stream).to.be.undefined;
    expect(table.prepare(prepared(1), 1).kind).to.equal('known');
    expect(table.get(sessionIdOf(1))?.stream).to.deep.equal(STREAM);
  });

  it('never holds more than its slots, with or without prepare', () => {
    const table = new SessionTable(1);
    table.prepare(prepared(1), 0);
    expect(faultOf(table.claim(assignment(2), 0))).to.equal('none');
    expect(faultOf(table.claim(assignment(1), 0))).to.equal('no_free_slot');
    expect(table.countSessions(0)).to.deep.equal({ prepared: 1, held: 1 });
    table.applyEvent(table.get(sessionIdOf(2))!, 'end');
    expect(faultOf(table.claim(assignment(1), 0))).to.equal('none');
  });

  it('does not admit to a session that has ended, nor to an older epoch of it', () => {
    const table = new SessionTable(1);
    table.claim(assignment(1, 3), 0);
    expect(faultOf(table.claim(assignment(1, 2), 0))).to.equal('stale_epoch');
    table.applyEvent(table.get(sessionIdOf(1))!, 'end');
    expect(faultOf(table.claim(assignment(1, 3), 0))).to.equal('session_over');
    expect(faultOf(table.claim(assignment(1, 2), 0))).to.equal('stale_epoch');
    expect(table.prepare(prepared(1, 3), 0).kind).to.equal('stale');
    expect(faultOf(table.claim(assignment(1, 4), 0))).to.equal('none');
  });

  it('ends an older assignment when a newer one arrives, by prepare or by ticket', () => {
    const table = new SessionTable(1);
    table.claim(assignment(1, 1), 0);
    expect(table.prepare(prepared(1, 2), 0)).to.have.nested.property('replaced.reason', 'superseded');
    expect(table.listHeld()).to.be.empty;
    expect(table.claim(assignment(1, 3), 0)).to.have.nested.property('replaced.record.epoch', 2);
    expect(table.listHeld()).to.deep.equal([{ sessionId: sessionIdOf(1), epoch: 3, state: 'active' }]);
  });

  it('ignores an order to end an older epoch than it holds', () => {
    const table = new SessionTable(1);
    table.claim(assignment(1, 2), 0);
    expect(table.endByBroker(sessionIdOf(1), 1)).to.be.undefined;
    expect(table.listHeld()).to.have.length(1);
    expect(table.endByBroker(sessionIdOf(1), 2)?.state).to.equal('ended');
    expect(table.listHeld()).to.be.empty;
  });

  it('refuses a ticket of a session that was ended before it was known', () => {
    const table = new SessionTable(1);
    expect(table.endByBroker(sessionIdOf(1), 2)).to.be.undefined;
    expect(faultOf(table.claim(assignment(1, 2), 0))).to.equal('session_over');
  });

  it('drops a reservation at its deadline, also before it is swept', () => {
    const table = new SessionTable(1);
    table.prepare(prepared(1, 1, 500), 0);
    expect(table.countSessions(499).prepared).to.equal(1);
    expect(table.countSessions(500).prepared).to.equal(0);
    expect(faultOf(table.claim(assignment(1), 500))).to.equal('session_over');
    expect(table.expireReservations(499)).to.be.empty;
    expect(table.expireReservations(500).map(({ reason }) => reason)).to.deep.equal(['reservation_expired']);
    expect(table.expireReservations(500)).to.be.empty;
    expect(faultOf(table.claim(assignment(1), 500))).to.equal('session_over');
  });

  it('remembers a bounded number of ended sessions', () => {
    const table = new SessionTable(1);
    for (let number = 1; number <= 1_000; number += 1) table.endByBroker(sessionIdOf(number), 1);
    expect(faultOf(table.claim(assignment(1_000), 0))).to.equal('session_over');
    expect(faultOf(table.claim(assignment(1), 0))).to.equal('none');
  });

  it('lists as movable what is connected, has started, and may move', () => {
    const listed = (table: SessionTable) => table.listHeld().map(({ movable }) => movable);
    const table = new SessionTable(3, true);
    table.prepare(prepared(1), 0, false);
    for (const number of [1, 2]) {
      table.claim(assignment(number), 0);
      expect(table.applyEvent(table.get(sessionIdOf(number))!, 'connect')).to.be.true;
    }
    expect(listed(table), 'one moves here itself').to.deep.equal([undefined, true]);
    table.get(sessionIdOf(1))!.begun = true;
    table.get(sessionIdOf(2))!.movable = false;
    expect(listed(table)).to.deep.equal([true, undefined]);
    table.applyEvent(table.get(sessionIdOf(1))!, 'checkpoint');
    expect(listed(table)).to.deep.equal([undefined, undefined]);
  });

  it('admits nobody to a moving session until its stream is lost', () => {
    const table = new SessionTable(1);
    table.claim(assignment(1), 0);
    const record = table.get(sessionIdOf(1))!;
    for (const event of ['connect', 'checkpoint'] as const) table.applyEvent(record, event);
    expect(faultOf(table.claim(assignment(1), 0))).to.equal('already_claimed');
    expect(faultOf(table.claim(assignment(2), 0)), 'it has its slot').to.equal('no_free_slot');
    table.applyEvent(record, 'disconnect');
    expect(table.claim(assignment(1), 0)).to.include({ ok: true, readmitted: true });
  });

  it('keeps its invariants in any order of events', () => {
    const steps = fc.array(
      fc.record({
        act: fc.constantFrom('prepare', 'claim', 'order', 'expire', ...HOST_SESSION_EVENTS),
        number: fc.integer({ min: 1, max: 4 }),
        epoch: fc.integer({ min: 1, max: 4 }),
        afterMs: fc.integer({ min: 0, max: 400 }),
      }),
      { maxLength: 80 },
    );
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 3 }), steps, (slots, sequence) => {
        const table = new SessionTable(slots);
        const over = new Map<string, number>();
        const admittedAt = new Map<string, number>();
        let nowMs = 0;
        for (const { act, number, epoch, afterMs } of sequence) {
          nowMs += afterMs;
          const id = sessionIdOf(number);
          const before = table.get(id);
          const stateBefore = before?.state;
          const epochBefore = before?.epoch ?? 0;
          if (act === 'prepare') table.prepare(prepared(number, epoch), nowMs);
          else if (act === 'expire') table.expireReservations(nowMs);
          else if (act === 'order') {
            if (table.endByBroker(id, epoch) !== undefined) expect(epoch).to.be.at.least(epochBefore);
          } else if (act === 'claim' || act === 'admit') {
            if (table.claim(assignment(number, epoch), nowMs).ok) {
              expect(epoch, 'no ticket of what is over').to.be.above(over.get(id) ?? 0);
              expect(epoch, 'epochs rise').to.be.at.least(Math.max(epochBefore, admittedAt.get(id) ?? 0));
              if (epoch === epochBefore) expect(stateBefore).to.be.oneOf(['prepared', 'disconnected']);
              admittedAt.set(id, epoch);
            }
          } else if (before !== undefined) {
            table.applyEvent(before, act);
          }
          if (before?.state === 'ended') over.set(id, Math.max(over.get(id) ?? 0, before.epoch));

          const { held } = table.countSessions(nowMs);
          expect(held).to.be.at.most(slots);
          expect(table.listHeld()).to.have.length(held);
          expect(table.records().every(({ state }) => state !== 'ended')).to.be.true;
        }
      }),
      { numRuns: 300 },
    );
  });
});
