import { expect } from 'chai';
import fc from 'fast-check';
import { isHeldRecord } from '@duskline/host/internal/sessions/session-record';
import {
  HOST_SESSION_STATES,
  isHeld,
  nextState,
  TRANSITIONS,
} from '@duskline/host/internal/sessions/session-transitions';
import { PHASES } from '@duskline/host/internal/sessions/session-phases';
import { sessionIdOf } from '../tickets.js';
import { prepared, RecordedSessions, STREAM } from './recorded-sessions.js';

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

describe('the sessions of a host', () => {
  it('admit the client of a prepared session once', () => {
    const host = new RecordedSessions(2);
    host.prepare(1);
    expect(host.record(1)).to.include({ phase: 'prepared', epoch: 1 });
    host.nowMs = 1;
    expect(host.claim(1)).to.include({ ok: true, readmitted: false });
    expect(host.faultOf(1)).to.equal('already_claimed');
  });

  it('admit the client again after a lost stream, whether the session was active or connected', () => {
    for (const events of [['stream_lost'], ['stream_connected', 'stream_lost']] as const) {
      const host = new RecordedSessions(1);
      host.claim(1);
      for (const event of events) expect(host.report(1, event)).to.be.true;
      expect(host.claim(1)).to.include({ ok: true, readmitted: true });
      expect(host.faultOf(1)).to.equal('already_claimed');
    }
  });

  it('admit a ticket that arrives before its prepare, and learn the stream from the prepare', () => {
    const host = new RecordedSessions(1);
    expect(host.faultOf(1)).to.equal('none');
    expect(host.record(1)).to.have.property('stream', undefined);
    host.take();
    host.prepare(1);
    expect(host.take(), 'the application is not asked').to.be.empty;
    expect(host.record(1)).to.deep.include({ phase: 'active', stream: STREAM });
  });

  it('never use more than the slots, with or without prepare', () => {
    const host = new RecordedSessions(1);
    host.prepare(1);
    expect(host.faultOf(2)).to.equal('none');
    expect(host.faultOf(1)).to.equal('no_free_slot');
    expect(host.sessions.count()).to.deep.equal({ prepared: 1, held: 1 });
    host.report(2, 'application_ended');
    expect(host.faultOf(1)).to.equal('none');
  });

  it('do not admit to a session that has ended, nor to an older epoch of it', () => {
    const host = new RecordedSessions(1);
    host.claim(1, 3);
    expect(host.faultOf(1, 2)).to.equal('stale_epoch');
    host.report(1, 'application_ended');
    expect(host.faultOf(1, 3)).to.equal('session_over');
    expect(host.faultOf(1, 2)).to.equal('stale_epoch');
    host.prepare(1, 3);
    expect(host.record(1).phase).to.equal('ended');
    expect(host.faultOf(1, 4)).to.equal('none');
  });

  it('end an older assignment when a newer one arrives, by prepare or by ticket', () => {
    const host = new RecordedSessions(1);
    host.claim(1, 1);
    host.prepare(1, 2);
    const superseded = { sessionId: sessionIdOf(1), reason: 'superseded' };
    expect(host.takeEnds()).to.deep.equal([{ ...superseded, epoch: 1 }]);
    expect(host.sessions.listHeld()).to.be.empty;
    expect(host.faultOf(1, 3)).to.equal('none');
    expect(host.takeEnds()).to.deep.equal([{ ...superseded, epoch: 2 }]);
    expect(host.sessions.listHeld()).to.deep.equal([
      { sessionId: sessionIdOf(1), epoch: 3, state: 'active' },
    ]);
  });

  it('ignore an order to end an older epoch than they have', () => {
    const host = new RecordedSessions(1);
    host.claim(1, 2);
    host.order(1, 1);
    expect(host.takeEnds()).to.be.empty;
    expect(host.sessions.listHeld()).to.have.length(1);
    host.order(1, 2);
    expect(host.takeEnds()).to.have.length(1);
    expect(host.record(1).phase).to.equal('ended');
    expect(host.sessions.listHeld()).to.be.empty;
  });

  it('refuse a ticket of a session that was ended before it was known', () => {
    const host = new RecordedSessions(1);
    host.order(1, 2);
    expect(host.takeEnds()).to.be.empty;
    expect(host.faultOf(1, 2)).to.equal('session_over');
  });

  it('drop a reservation at its deadline, also before the deadline is checked', () => {
    const host = new RecordedSessions(1);
    host.prepare(1, 1, 500);
    host.nowMs = 499;
    expect(host.sessions.count().prepared).to.equal(1);
    host.nowMs = 500;
    expect(host.sessions.count().prepared).to.equal(0);
    expect(host.faultOf(1)).to.equal('session_over');
    host.passTime(499);
    expect(host.takeEnds()).to.be.empty;
    host.passTime(500);
    expect(host.takeEnds()).to.deep.equal([
      { sessionId: sessionIdOf(1), epoch: 1, reason: 'reservation_expired' },
    ]);
    host.passTime(500);
    expect(host.takeEnds()).to.be.empty;
    expect(host.faultOf(1)).to.equal('session_over');
  });

  it('wait for a client as long as a repeated prepare says', () => {
    const host = new RecordedSessions(1);
    host.prepare(1, 1, 500);
    host.passTime(400);
    host.prepare(1, 1, 50);
    host.passTime(499);
    expect(host.takeEnds()).to.be.empty;
    host.prepare(1, 1, 1_000);
    host.passTime(1_498);
    expect(host.takeEnds(), 'the broker holds the slot for longer now').to.be.empty;
    host.passTime(1_499);
    expect(host.takeEnds()).to.have.length(1);
  });

  it('remember a bounded number of ended sessions', () => {
    const host = new RecordedSessions(1);
    for (let number = 1; number <= 1_000; number += 1) host.order(number);
    expect(host.faultOf(1_000)).to.equal('session_over');
    expect(host.faultOf(1)).to.equal('none');
  });

  it('refuse reservations beyond a bound, and report that', () => {
    const host = new RecordedSessions(1);
    for (let number = 1; number <= 68; number += 1) host.prepare(number);
    expect(host.sessions.count().prepared).to.equal(68);
    host.take();
    host.prepare(69);
    expect(host.sessions.count().prepared).to.equal(68);
    const refusal = {
      type: 'session',
      sessionId: sessionIdOf(69),
      epoch: 1,
      state: 'ended',
      reason: 'error',
    };
    expect(host.take().map((effect) => effect.type === 'send' && effect.message)).to.deep.equal([refusal]);
    host.prepare(68, 2);
    expect(host.record(68), 'a newer epoch takes the place of the older one').to.include({ epoch: 2 });
  });

  it('list as movable what is connected, has started, and may move', () => {
    const listed = (host: RecordedSessions) => host.sessions.listHeld().map(({ movable }) => movable);
    const host = new RecordedSessions(3, true);
    const checkpoint = { reference: 's3://saves/1' };
    host.dispatch(1, { type: 'restore', session: prepared(1), checkpoint, withinMs: 1_000 });
    for (const number of [1, 2]) {
      host.claim(number);
      expect(host.report(number, 'stream_connected')).to.be.true;
    }
    expect(listed(host), 'one moves here itself').to.deep.equal([undefined, true]);
    for (const event of [
      { type: 'restore_done', epoch: 1 },
      { type: 'moved', epoch: 1 },
    ] as const) {
      host.dispatch(1, event);
    }
    const second = host.record(2);
    if ('claim' in second) host.dispatch(2, { type: 'movable_set', claim: second.claim, movable: false });
    expect(listed(host)).to.deep.equal([true, undefined]);
    host.dispatch(1, { type: 'checkpoint_ordered', epoch: 1, withinMs: 100, stillMs: 200 });
    expect(host.record(1).phase).to.equal('checkpointing');
    expect(listed(host)).to.deep.equal([undefined, undefined]);
  });

  it('admit no client to a moving session until its stream is lost', () => {
    const host = new RecordedSessions(1, true);
    host.claim(1);
    host.report(1, 'stream_connected');
    host.dispatch(1, { type: 'checkpoint_ordered', epoch: 1, withinMs: 100, stillMs: 200 });
    expect(host.faultOf(1)).to.equal('already_claimed');
    expect(host.faultOf(2), 'it has its slot').to.equal('no_free_slot');
    host.report(1, 'stream_lost');
    expect(host.claim(1)).to.include({ ok: true, readmitted: true });
  });

  it('keep their invariants in any order of events', () => {
    const acts = [
      'prepare',
      'claim',
      'order',
      'expire',
      'stream_connected',
      'stream_lost',
      'application_ended',
    ];
    const steps = fc.array(
      fc.record({
        act: fc.constantFrom(...acts, 'checkpoint_ordered', 'resume_ordered'),
        number: fc.integer({ min: 1, max: 4 }),
        epoch: fc.integer({ min: 1, max: 4 }),
        afterMs: fc.integer({ min: 0, max: 400 }),
      }),
      { maxLength: 80 },
    );
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 3 }), steps, (slots, sequence) => {
        const host = new RecordedSessions(slots, true);
        const over = new Map<number, number>();
        const admittedAt = new Map<number, number>();
        for (const { act, number, epoch, afterMs } of sequence) {
          host.nowMs += afterMs;
          const before = host.record(number);
          const stateBefore = PHASES[before.phase].state;
          if (act === 'prepare') host.prepare(number, epoch);
          else if (act === 'expire') host.passTime(host.nowMs);
          else if (act === 'order') {
            host.order(number, epoch);
            if (host.record(number) !== before) expect(epoch).to.be.at.least(before.epoch);
          } else if (act === 'claim') {
            if (host.claim(number, epoch).ok) {
              expect(epoch, 'no ticket of what is over').to.be.above(over.get(number) ?? 0);
              expect(epoch, 'epochs rise').to.be.at.least(
                Math.max(before.epoch, admittedAt.get(number) ?? 0),
              );
              if (epoch === before.epoch) expect(stateBefore).to.be.oneOf(['prepared', 'disconnected']);
              admittedAt.set(number, epoch);
            }
          } else if (act === 'checkpoint_ordered') {
            host.dispatch(number, { type: act, epoch, withinMs: 100, stillMs: 200 });
          } else if (act === 'resume_ordered') {
            host.dispatch(number, { type: act, epoch });
          } else {
            host.report(number, act as 'stream_lost');
          }
          const after = host.record(number);
          if (before.phase !== 'ended' && (after.phase === 'ended' || after.epoch > before.epoch)) {
            over.set(number, Math.max(over.get(number) ?? 0, before.epoch));
          }

          const { held } = host.sessions.count();
          expect(held).to.be.at.most(slots);
          expect(host.sessions.listHeld()).to.have.length(held);
          expect(host.sessions.live().filter(isHeldRecord)).to.have.length(held);
          expect(host.sessions.live().map(({ phase }) => phase as string)).not.to.include('ended');
        }
      }),
      { numRuns: 300 },
    );
  });
});
