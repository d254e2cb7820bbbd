import type { HistoryEvent } from '@duskline/loadtest/history/events.js';
import { JUDGED_RULES, VerdictBuilder } from '@duskline/loadtest/report/verdict.js';
import { expect } from 'chai';

const player = 'alice';
const host = 'near/console-x/h1';
const assignment = { sessionId: 's1', epoch: 1 };

function matched(atMs: number, sessionId = 's1', requestId = 'r1'): HistoryEvent {
  return {
    ...{
      atMs,
      type: 'matched',
      player,
      requestId,
      sessionId,
      epoch: 1,
      host,
      region: 'near',
      pool: 'console-x',
    },
    ...{ rank: 1, candidates: 1, rttMs: 12, claimWithinMs: 30_000 },
  };
}

const registered = (slots: number): HistoryEvent => ({ atMs: 0, type: 'host-registered', host, slots });
const admitted = (atMs: number, sessionId = 's1'): HistoryEvent => {
  return { atMs, type: 'admitted', host, player, sessionId, epoch: 1 };
};
const snapshot = (atMs: number, sessions: readonly string[]): HistoryEvent => ({
  ...{ atMs, type: 'fleet', quiet: true },
  hosts: [
    {
      ...{ host, region: 'near', pool: 'console-x', state: 'ready', slots: 4, committed: sessions.length },
      sessions: sessions.map((sessionId) => ({ sessionId, epoch: 1, state: 'connected' })),
    },
  ],
});

describe('The verdict of a load test', () => {
  it('is clean for a valid history', () => {
    const builder = new VerdictBuilder(1, {});
    const connected: HistoryEvent = { atMs: 1, type: 'connected', player };
    builder.addEvents(
      0,
      [registered(4), connected, matched(10), admitted(11), snapshot(5_000, ['s1'])],
      6_000,
    );
    expect(builder.finish(true, 0)).to.deep.include({
      overbooked: 0,
      lost: 0,
      outOfOrder: 0,
      other: 0,
      events: 5,
    });
  });

  it('counts a slot that was filled twice, with the proof', () => {
    const builder = new VerdictBuilder(1, {});
    builder.addEvents(0, [registered(1), admitted(10), admitted(20, 's2')], 30);
    const verdict = builder.finish(true, 0);
    expect(verdict.overbooked).to.be.above(0);
    expect(verdict.examples[0]).to.match(/^S2: .*runs 2 sessions in 1 slots/);
  });

  it('counts a request with two sessions, and lost sessions', () => {
    const builder = new VerdictBuilder(1, {});
    const connected: HistoryEvent = { atMs: 1, type: 'connected', player };
    builder.addEvents(0, [registered(4), connected, matched(10), matched(20, 's2')], 30);
    builder.addEvents(0, [snapshot(5_000, ['s2'])], 6_000);
    expect(builder.finish(true, 0)).to.include({ overbooked: 1, lost: 1 });
  });

  it('counts sessions that the brokers do not know as lost', () => {
    expect(new VerdictBuilder(1, {}).finish(true, 3)).to.include({ lost: 3 });
  });

  it('sorts the events of several threads by time', () => {
    const builder = new VerdictBuilder(2, {});
    // The event of another thread: the first session ends before the second one begins, but is reported after it.
    builder.addEvents(0, [registered(1), admitted(10), admitted(30, 's2')], 100);
    builder.addEvents(
      1,
      [{ atMs: 20, type: 'host-ended', host, ...assignment, reason: 'client_left', by: 'host' }],
      100,
    );
    expect(builder.finish(true, 0)).to.include({ overbooked: 0, events: 4 });
  });

  it('checks every rule that needs no read of the store', () => {
    expect(JUDGED_RULES).to.include.members(['S1', 'S2', 'S6', 'S7', 'S8', 'S9', 'Q3']);
    expect(JUDGED_RULES).not.to.include.members(['S3']);
    expect(JUDGED_RULES).not.to.include.members(['L1']);
  });
});
