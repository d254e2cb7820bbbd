import { LeanHostMoves, type LeanSession } from '@duskline/loadtest/drive/hosts/lean-host-moves.js';
import { decodeCheckpoint, encodeCheckpoint } from '@duskline/loadtest/drive/hosts/checkpoint-state.js';
import { monotonicMs } from '@duskline/loadtest/drive/clock.js';
import { WorkerMetrics } from '@duskline/loadtest/drive/worker-metrics.js';
import { TimerWheel } from '@duskline/loadtest/drive/timer-wheel.js';
import type { HostToBroker, Restore } from '@duskline/protocol';
import { expect } from 'chai';

const sessionId = '019a0000-0000-7000-8000-000000000001';
const ORDER = { type: 'checkpoint', sessionId, epoch: 1, withinMs: 5_000, stillMs: 30_000 } as const;

function restoreOrder(sinceMs: number): Restore {
  return {
    ...{
      type: 'restore',
      sessionId,
      epoch: 2,
      title: 'starfall',
      playerId: 'alice',
      claimWithinMs: 5_000,
      withinMs: 5_000,
    },
    stream: { codec: 'hevc', resolution: '1080p', fps: 60 },
    state: Buffer.from(encodeCheckpoint(sessionId, sinceMs)).toString('base64'),
  };
}

/** A host without sockets, and the frames that it sent. */
class Fixture {
  readonly metrics = new WorkerMetrics();
  readonly wheel = new TimerWheel(monotonicMs());
  readonly held = new Map<string, LeanSession>();
  readonly expected = new Map<string, LeanSession>();
  readonly ended: string[] = [];
  readonly frame: HostToBroker[] = [];
  over = 0;
  readonly moves = new LeanHostMoves(this, {
    ...{ name: 'near/console-x/h1', sessions: this.held },
    isOver: (_, epoch) => this.over >= epoch,
    prepareSession: (id, session) => void this.expected.set(id, session),
    endSession: (_, { epoch }, reason) => void this.ended.push(`${epoch} ${reason}`),
    send: (message) => void this.frame.push(message),
  });

  hold(more: Partial<LeanSession> = {}): LeanSession {
    const session = {
      ...{ epoch: 1, player: 'alice', pausedSinceMs: undefined, incomingPausedSinceMs: undefined },
      ...more,
    };
    this.held.set(sessionId, session);
    return session;
  }

  get lastFrame(): HostToBroker | undefined {
    return this.frame.at(-1);
  }

  get recorded(): string[] {
    return this.metrics.takeNew().events.map(({ type }) => type);
  }
}

describe('Moves of a lean host', () => {
  it('transfer the player of the session and since when it is paused', () => {
    const fixture = new Fixture();
    const session = fixture.hold();
    fixture.moves.handleMoveMessage(ORDER);
    const frame = fixture.lastFrame;
    if (frame?.type !== 'checkpoint') throw new Error(`it frame ${JSON.stringify(frame)}`);
    expect(decodeCheckpoint(sessionId, Buffer.from(frame.state ?? '', 'base64'))).to.equal(
      session.pausedSinceMs,
    );
    // A second order for the same move is refused.
    fixture.moves.handleMoveMessage(ORDER);
    expect(fixture.lastFrame).to.deep.equal({ type: 'cannot_move', sessionId, epoch: 1 });
  });

  it('transfer nothing of another epoch', () => {
    const fixture = new Fixture();
    fixture.hold({ epoch: 3 });
    fixture.moves.handleMoveMessage(ORDER);
    expect(fixture.lastFrame).to.deep.equal({ type: 'cannot_move', sessionId, epoch: 1 });
  });

  it('that are cancelled resume the session, and report it', () => {
    for (const toNothing of [
      (fixture: Fixture) => fixture.moves.handleMoveMessage({ type: 'resume', sessionId, epoch: 1 }),
      (fixture: Fixture) => fixture.moves.handleMoveRefused(sessionId, undefined),
      (fixture: Fixture) => fixture.wheel.advance(monotonicMs() + ORDER.stillMs + 10),
    ]) {
      const fixture = new Fixture();
      const session = fixture.hold();
      fixture.moves.handleMoveMessage(ORDER);
      toNothing(fixture);
      expect(session.pausedSinceMs).to.equal(undefined);
      expect(fixture.lastFrame).to.deep.equal({ type: 'session', sessionId, epoch: 1, state: 'connected' });
      expect(fixture.metrics.counts.moves).to.deep.equal({ moved: 0, stayed: 1, interrupted: 0 });
      expect(fixture.recorded).to.deep.equal(['resumed']);
    }
  });

  it('count a stream that was paused for over two seconds as interrupted', () => {
    const fixture = new Fixture();
    fixture.hold({ epoch: 2, incomingPausedSinceMs: monotonicMs() - 2_100 });
    fixture.moves.handleMoveMessage({ type: 'moved', sessionId, epoch: 2 });
    fixture.moves.handleMoveMessage({ type: 'moved', sessionId, epoch: 2 });
    expect(fixture.metrics.counts.moves).to.deep.equal({ moved: 1, stayed: 0, interrupted: 1 });
    expect(fixture.recorded).to.deep.equal(['began']);
  });

  it('restore a session, repeat the report until `moved`, and drop the session when the client does not come', () => {
    const fixture = new Fixture();
    const sinceMs = monotonicMs() - 5;
    fixture.moves.handleMoveMessage(restoreOrder(sinceMs));
    expect(fixture.lastFrame).to.deep.equal({ type: 'restored', sessionId, epoch: 2 });
    const coming = fixture.expected.get(sessionId)!;
    expect(coming).to.include({ epoch: 2, player: 'alice', incomingPausedSinceMs: sinceMs });
    fixture.moves.handleMoveRefused(sessionId, coming);
    expect(fixture.ended).to.deep.equal(['2 move_failed']);

    fixture.hold({ epoch: 2, incomingPausedSinceMs: sinceMs });
    fixture.moves.resendRestored();
    expect(fixture.lastFrame).to.include({ type: 'session', epoch: 2, restored: true });
    const frame = fixture.frame.length;
    fixture.moves.handleMoveMessage({ type: 'moved', sessionId, epoch: 2 });
    fixture.moves.resendRestored();
    expect(fixture.frame).to.have.length(frame);
  });

  it('restore no session that has ended here, is newer here, or is not of the run', () => {
    const refusal = { type: 'cannot_move', sessionId, epoch: 2 };
    const stale = new Fixture();
    stale.over = 2;
    stale.moves.handleMoveMessage(restoreOrder(monotonicMs()));
    expect(stale.lastFrame).to.deep.equal(refusal);
    const newer = new Fixture();
    newer.hold({ epoch: 3 });
    newer.moves.handleMoveMessage(restoreOrder(monotonicMs()));
    expect(newer.lastFrame).to.deep.equal(refusal);
    const foreign = new Fixture();
    foreign.moves.handleMoveMessage({ ...restoreOrder(0), state: 'e30=' });
    expect(foreign.lastFrame).to.deep.equal(refusal);
  });
});
