import { monotonicMs } from '@duskline/loadtest/drive/clock.js';
import { SAMPLE_NAMES } from '@duskline/loadtest/drive/messages.js';
import { PlayerTape } from '@duskline/loadtest/drive/player-tape.js';
import { Tally } from '@duskline/loadtest/drive/tally.js';
import type { BrokerToClient, Matched } from '@duskline/protocol';
import { expect } from 'chai';

const WELCOME: BrokerToClient = {
  ...{ type: 'welcome', connectionId: 'c1', playerId: 'alice', regions: [], pingIntervalMs: 15_000 },
  resumeToken: 'resume-me-once-please',
};
const sessionId = '019a0000-0000-7000-8000-000000000001';

function matched(epoch = 1): Matched {
  return {
    ...{ type: 'matched', requestId: 'r1', sessionId, epoch, title: 'starfall', region: 'near', pool: 'x' },
    host: { hostId: `h${epoch}`, endpoint: 'ws://h' },
    ...{ ticket: 't', claimWithinMs: 30_000, stream: { codec: 'hevc', resolution: '1080p', fps: 60 } },
    ...{ rank: 1, candidates: 1, rttMs: 5, reason: 'near' },
  };
}

describe('The tape of a player', () => {
  let tally: Tally;
  let tape: PlayerTape;
  beforeEach(() => {
    tally = new Tally();
    tape = new PlayerTape(tally, 'alice');
  });

  /** How long each thing took, by name. */
  function samples(): Record<string, number[]> {
    const { samples: flat } = tally.take();
    const byName: Record<string, number[]> = {};
    for (let i = 0; i < flat.length; i += 4) (byName[SAMPLE_NAMES[flat[i]!]!] ??= []).push(flat[i + 3]!);
    return byName;
  }

  it('counts from the moment that was scheduled, not from when a frame left', () => {
    tape.connects(monotonicMs() - 700);
    tape.asks('r1', monotonicMs() - 400, 0);
    tape.received(WELCOME);
    tape.received(matched());
    const { connect, match, answer } = samples();
    expect(connect?.[0]).to.be.within(700, 720);
    expect(match?.[0]).to.be.within(400, 420);
    expect(answer?.[0]).to.be.within(400, 420);
    expect(tally.phase(0)).to.include({ answered: 1, matched: 1, matchedAtOnce: 1, queued: 0 });
  });

  it('tells a match that had to wait from one that came at once', () => {
    tape.received(WELCOME);
    tape.asks('r1', monotonicMs() - 100, 2);
    tape.received({ type: 'queued', requestId: 'r1', position: 3, region: 'near' });
    expect(tape.isWaiting).to.equal(true);
    tape.received({ type: 'queued', requestId: 'r1', position: 2, region: 'near' });
    tape.received({ type: 'offer', requestId: 'r1', region: 'near', acceptWithinMs: 15_000 });
    tape.received(matched());
    const { match = [], wait = [], answer = [] } = samples();
    expect([match.length, wait.length, answer.length]).to.deep.equal([0, 1, 1]);
    expect(tally.phase(2)).to.include({ queued: 1, matched: 1, matchedAtOnce: 0, answered: 1 });
  });

  it('counts a resume from the lost socket until the player has again what it had', () => {
    tape.received(WELCOME);
    tape.asks('r1', monotonicMs(), 0);
    tape.received(matched());
    tape.closed(1006);
    expect(tape.isUnresumed).to.equal(true);
    tape.received(WELCOME);
    expect(samples()['resume']).to.equal(undefined);
    tape.received(matched());
    expect(samples()['resume']).to.have.length(1);
    expect(tape.isUnresumed).to.equal(false);
    expect(tally.phase(0)).to.include({ matched: 1 });
    expect(tally.counts).to.include({ socketsLost: 1, replaced: 0 });
  });

  it('counts a session that another host took up', () => {
    tape.asks('r1', monotonicMs(), 0);
    tape.received(matched());
    tape.received(matched(2));
    expect(tally.counts.replaced).to.equal(1);
    expect(tape.session).to.include({ epoch: 2, host: 'near/x/h2' });
  });

  it('follows a session that moves, which nobody had to take up again', () => {
    const moving = { ...matched(2), type: 'moving' } as const;
    tape.asks('r1', monotonicMs(), 0);
    tape.received(matched());
    tape.received({ type: 'session', sessionId, epoch: 1, state: 'moving' });
    expect(tape.isMoving).to.equal(true);
    tape.received(moving);
    expect(tape.session).to.include({ epoch: 1 });
    tape.received({ type: 'session', sessionId, epoch: 2, state: 'active' });
    expect(tape.isMoving).to.equal(false);
    expect(tape.session).to.include({ epoch: 2, host: 'near/x/h2' });

    // A connection that was lost on the way learns of it by the repeated match.
    tape.received({ ...moving, epoch: 3, host: { hostId: 'h3', endpoint: 'ws://h' } });
    tape.received(matched(3));
    expect(tape.session).to.include({ epoch: 3, host: 'near/x/h3' });
    expect(tally.counts.replaced).to.equal(0);
  });

  it('follows a move that comes to nothing', () => {
    tape.asks('r1', monotonicMs(), 0);
    tape.received(matched());
    tape.received({ ...matched(2), type: 'moving' });
    tape.received({ type: 'session', sessionId, epoch: 1, state: 'connected' });
    expect(tape.isMoving).to.equal(false);
    expect(tape.session).to.include({ epoch: 1, host: 'near/x/h1' });
  });

  it('does not count as refused what the run itself took back', () => {
    tape.asks('r1', monotonicMs(), 0);
    tape.received({ type: 'queued', requestId: 'r1', position: 3, region: 'near' });
    const cancelled = { type: 'error', code: 'CANCELLED', message: '', retryable: false, requestId: 'r1' };
    expect(tape.received(cancelled as BrokerToClient)).to.equal('refused');
    expect(tally.counts.refused).to.deep.equal({});
    expect(tally.phase(0)).to.include({ refused: 0, queued: 1 });
  });

  it('counts refusals by code, and goes on after those that end nothing', () => {
    const error = { type: 'error', message: '', retryable: true, requestId: 'r1' } as const;
    tape.asks('r1', monotonicMs(), 0);
    expect(tape.received({ ...error, code: 'UNAVAILABLE' })).to.equal(undefined);
    expect(tape.received({ ...error, code: 'NO_OFFER' })).to.equal(undefined);
    expect(tape.isUnanswered).to.equal(true);
    expect(tape.received({ ...error, code: 'QUEUE_FULL' })).to.equal('refused');
    expect(tally.counts.refused).to.deep.equal({ QUEUE_FULL: 1 });
    expect(tally.phase(0)).to.include({ answered: 1, refused: 1 });
  });

  it('takes a session that a broker knows nothing of for lost, until it is told of its end', () => {
    tape.asks('r1', monotonicMs(), 0);
    tape.received(matched());
    const unknown = {
      type: 'error',
      code: 'UNKNOWN_SESSION',
      message: '',
      retryable: false,
      sessionId,
    } as const;
    expect(tape.received(unknown)).to.equal('over');
    expect(tally.sessionsVanished).to.equal(1);
    tape.received({ type: 'session', sessionId, epoch: 1, state: 'ended', reason: 'host_lost' });
    expect(tally.sessionsVanished).to.equal(0);
  });

  it('counts who never had an answer with the age of the request', () => {
    tape.asks('r1', monotonicMs() - 5_000, 0);
    expect(tape.finish()).to.equal(true);
    const { match, answer } = samples();
    expect(match?.[0]).to.be.within(5_000, 5_050);
    expect(answer?.[0]).to.be.within(5_000, 5_050);
  });

  it('does not count the sockets that the run itself closes at its end', () => {
    tape.received(WELCOME);
    tape.finish();
    tape.closed(1006);
    expect(tally.counts.socketsLost).to.equal(0);
  });
});
