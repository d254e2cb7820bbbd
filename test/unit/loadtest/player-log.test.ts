import { monotonicMs } from '@duskline/loadtest/drive/clock.js';
import { SAMPLE_TIMINGS } from '@duskline/loadtest/drive/worker-messages.js';
import { PlayerLog } from '@duskline/loadtest/drive/players/player-log.js';
import { WorkerMetrics } from '@duskline/loadtest/drive/worker-metrics.js';
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

describe('The log of a player', () => {
  let metrics: WorkerMetrics;
  let log: PlayerLog;
  beforeEach(() => {
    metrics = new WorkerMetrics();
    log = new PlayerLog(metrics, 'alice');
  });

  /** The recorded times by name. */
  function samples(): Record<string, number[]> {
    const { samples: flat } = metrics.takeNew();
    const byName: Record<string, number[]> = {};
    for (let i = 0; i < flat.length; i += 4) (byName[SAMPLE_TIMINGS[flat[i]!]!] ??= []).push(flat[i + 3]!);
    return byName;
  }

  it('measures from the scheduled moment, not from the moment a frame was sent', () => {
    log.startConnect(monotonicMs() - 700);
    log.startRequest('r1', monotonicMs() - 400, 0);
    log.recordReceived(WELCOME);
    log.recordReceived(matched());
    const { connect, match, answer } = samples();
    expect(connect?.[0]).to.be.within(700, 720);
    expect(match?.[0]).to.be.within(400, 420);
    expect(answer?.[0]).to.be.within(400, 420);
    expect(metrics.phaseCounts(0)).to.include({ answered: 1, matched: 1, matchedAtOnce: 1, queued: 0 });
  });

  it('distinguishes a match after a wait from an immediate one', () => {
    log.recordReceived(WELCOME);
    log.startRequest('r1', monotonicMs() - 100, 2);
    log.recordReceived({ type: 'queued', requestId: 'r1', position: 3, region: 'near' });
    expect(log.isWaiting).to.equal(true);
    log.recordReceived({ type: 'queued', requestId: 'r1', position: 2, region: 'near' });
    log.recordReceived({ type: 'offer', requestId: 'r1', region: 'near', acceptWithinMs: 15_000 });
    log.recordReceived(matched());
    const { match = [], wait = [], answer = [] } = samples();
    expect([match.length, wait.length, answer.length]).to.deep.equal([0, 1, 1]);
    expect(metrics.phaseCounts(2)).to.include({ queued: 1, matched: 1, matchedAtOnce: 0, answered: 1 });
  });

  it('measures a resume from the lost socket until the player has its session or position again', () => {
    log.recordReceived(WELCOME);
    log.startRequest('r1', monotonicMs(), 0);
    log.recordReceived(matched());
    log.recordClose(1006);
    expect(log.isUnresumed).to.equal(true);
    log.recordReceived(WELCOME);
    expect(samples()['resume']).to.equal(undefined);
    log.recordReceived(matched());
    expect(samples()['resume']).to.have.length(1);
    expect(log.isUnresumed).to.equal(false);
    expect(metrics.phaseCounts(0)).to.include({ matched: 1 });
    expect(metrics.counts).to.include({ socketsLost: 1, replaced: 0 });
  });

  it('counts a session that was placed on another host', () => {
    log.startRequest('r1', monotonicMs(), 0);
    log.recordReceived(matched());
    log.recordReceived(matched(2));
    expect(metrics.counts.replaced).to.equal(1);
    expect(log.session).to.include({ epoch: 2, host: 'near/x/h2' });
  });

  it('counts a session that moves as moved, and not as placed again', () => {
    const moving = { ...matched(2), type: 'moving' } as const;
    log.startRequest('r1', monotonicMs(), 0);
    log.recordReceived(matched());
    log.recordReceived({ type: 'session', sessionId, epoch: 1, state: 'moving' });
    expect(log.isMoving).to.equal(true);
    log.recordReceived(moving);
    expect(log.session).to.include({ epoch: 1 });
    log.recordReceived({ type: 'session', sessionId, epoch: 2, state: 'active' });
    expect(log.isMoving).to.equal(false);
    expect(log.session).to.include({ epoch: 2, host: 'near/x/h2' });

    // A client that was disconnected during the move gets the new host with the repeated match.
    log.recordReceived({ ...moving, epoch: 3, host: { hostId: 'h3', endpoint: 'ws://h' } });
    log.recordReceived(matched(3));
    expect(log.session).to.include({ epoch: 3, host: 'near/x/h3' });
    expect(metrics.counts.replaced).to.equal(0);
  });

  it('counts a failed move', () => {
    log.startRequest('r1', monotonicMs(), 0);
    log.recordReceived(matched());
    log.recordReceived({ ...matched(2), type: 'moving' });
    log.recordReceived({ type: 'session', sessionId, epoch: 1, state: 'connected' });
    expect(log.isMoving).to.equal(false);
    expect(log.session).to.include({ epoch: 1, host: 'near/x/h1' });
  });

  it('does not count requests that the run itself cancelled as refused', () => {
    log.startRequest('r1', monotonicMs(), 0);
    log.recordReceived({ type: 'queued', requestId: 'r1', position: 3, region: 'near' });
    const cancelled = { type: 'error', code: 'CANCELLED', message: '', retryable: false, requestId: 'r1' };
    expect(log.recordReceived(cancelled as BrokerToClient)).to.equal('refused');
    expect(metrics.counts.refused).to.deep.equal({});
    expect(metrics.phaseCounts(0)).to.include({ refused: 0, queued: 1 });
  });

  it('counts refusals by code, and continues after those that end nothing', () => {
    const error = { type: 'error', message: '', retryable: true, requestId: 'r1' } as const;
    log.startRequest('r1', monotonicMs(), 0);
    expect(log.recordReceived({ ...error, code: 'UNAVAILABLE' })).to.equal(undefined);
    expect(log.recordReceived({ ...error, code: 'NO_OFFER' })).to.equal(undefined);
    expect(log.isUnanswered).to.equal(true);
    expect(log.recordReceived({ ...error, code: 'QUEUE_FULL' })).to.equal('refused');
    expect(metrics.counts.refused).to.deep.equal({ QUEUE_FULL: 1 });
    expect(metrics.phaseCounts(0)).to.include({ answered: 1, refused: 1 });
  });

  it('counts a session that a broker does not know as lost, until its end is reported', () => {
    log.startRequest('r1', monotonicMs(), 0);
    log.recordReceived(matched());
    const unknown = {
      type: 'error',
      code: 'UNKNOWN_SESSION',
      message: '',
      retryable: false,
      sessionId,
    } as const;
    expect(log.recordReceived(unknown)).to.equal('over');
    expect(metrics.sessionsVanished).to.equal(1);
    log.recordReceived({ type: 'session', sessionId, epoch: 1, state: 'ended', reason: 'host_lost' });
    expect(metrics.sessionsVanished).to.equal(0);
  });

  it('counts an unanswered request with its age', () => {
    log.startRequest('r1', monotonicMs() - 5_000, 0);
    expect(log.finish()).to.equal(true);
    const { match, answer } = samples();
    expect(match?.[0]).to.be.within(5_000, 5_050);
    expect(answer?.[0]).to.be.within(5_000, 5_050);
  });

  it('does not count the sockets that the run itself closes at its end', () => {
    log.recordReceived(WELCOME);
    log.finish();
    log.recordClose(1006);
    expect(metrics.counts.socketsLost).to.equal(0);
  });
});
