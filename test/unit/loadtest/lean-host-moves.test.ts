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

/** A host without sockets, and what it said. */
class Scene {
  readonly metrics = new WorkerMetrics();
  readonly wheel = new TimerWheel(monotonicMs());
  readonly held = new Map<string, LeanSession>();
  readonly expected = new Map<string, LeanSession>();
  readonly ended: string[] = [];
  readonly said: HostToBroker[] = [];
  over = 0;
  readonly moves = new LeanHostMoves(this, {
    ...{ name: 'near/console-x/h1', sessions: this.held },
    isOver: (_, epoch) => this.over >= epoch,
    prepareSession: (id, session) => void this.expected.set(id, session),
    endSession: (_, { epoch }, reason) => void this.ended.push(`${epoch} ${reason}`),
    send: (message) => void this.said.push(message),
  });

  hold(more: Partial<LeanSession> = {}): LeanSession {
    const session = {
      ...{ epoch: 1, player: 'alice', pausedSinceMs: undefined, incomingPausedSinceMs: undefined },
      ...more,
    };
    this.held.set(sessionId, session);
    return session;
  }

  get lastSaid(): HostToBroker | undefined {
    return this.said.at(-1);
  }

  get recorded(): string[] {
    return this.metrics.takeNew().events.map(({ type }) => type);
  }
}

describe('Moves of a lean host', () => {
  it('transfer the player of the session and since when it is paused', () => {
    const scene = new Scene();
    const session = scene.hold();
    scene.moves.handleMoveMessage(ORDER);
    const said = scene.lastSaid;
    if (said?.type !== 'checkpoint') throw new Error(`it said ${JSON.stringify(said)}`);
    expect(decodeCheckpoint(sessionId, Buffer.from(said.state ?? '', 'base64'))).to.equal(
      session.pausedSinceMs,
    );
    // Once is enough.
    scene.moves.handleMoveMessage(ORDER);
    expect(scene.lastSaid).to.deep.equal({ type: 'cannot_move', sessionId, epoch: 1 });
  });

  it('transfer nothing of another epoch', () => {
    const scene = new Scene();
    scene.hold({ epoch: 3 });
    scene.moves.handleMoveMessage(ORDER);
    expect(scene.lastSaid).to.deep.equal({ type: 'cannot_move', sessionId, epoch: 1 });
  });

  it('that are cancelled resume the session, and report it', () => {
    for (const toNothing of [
      (scene: Scene) => scene.moves.handleMoveMessage({ type: 'resume', sessionId, epoch: 1 }),
      (scene: Scene) => scene.moves.handleMoveRefused(sessionId, undefined),
      (scene: Scene) => scene.wheel.advance(monotonicMs() + ORDER.stillMs + 10),
    ]) {
      const scene = new Scene();
      const session = scene.hold();
      scene.moves.handleMoveMessage(ORDER);
      toNothing(scene);
      expect(session.pausedSinceMs).to.equal(undefined);
      expect(scene.lastSaid).to.deep.equal({ type: 'session', sessionId, epoch: 1, state: 'connected' });
      expect(scene.metrics.counts.moves).to.deep.equal({ moved: 0, stayed: 1, interrupted: 0 });
      expect(scene.recorded).to.deep.equal(['resumed']);
    }
  });

  it('count a stream that was paused for over two seconds as interrupted', () => {
    const scene = new Scene();
    scene.hold({ epoch: 2, incomingPausedSinceMs: monotonicMs() - 2_100 });
    scene.moves.handleMoveMessage({ type: 'moved', sessionId, epoch: 2 });
    scene.moves.handleMoveMessage({ type: 'moved', sessionId, epoch: 2 });
    expect(scene.metrics.counts.moves).to.deep.equal({ moved: 1, stayed: 0, interrupted: 1 });
    expect(scene.recorded).to.deep.equal(['began']);
  });

  it('restore a session, repeat the report until `moved`, and drop the session when the client does not come', () => {
    const scene = new Scene();
    const sinceMs = monotonicMs() - 5;
    scene.moves.handleMoveMessage(restoreOrder(sinceMs));
    expect(scene.lastSaid).to.deep.equal({ type: 'restored', sessionId, epoch: 2 });
    const coming = scene.expected.get(sessionId)!;
    expect(coming).to.include({ epoch: 2, player: 'alice', incomingPausedSinceMs: sinceMs });
    scene.moves.handleMoveRefused(sessionId, coming);
    expect(scene.ended).to.deep.equal(['2 move_failed']);

    scene.hold({ epoch: 2, incomingPausedSinceMs: sinceMs });
    scene.moves.resendRestored();
    expect(scene.lastSaid).to.include({ type: 'session', epoch: 2, restored: true });
    const said = scene.said.length;
    scene.moves.handleMoveMessage({ type: 'moved', sessionId, epoch: 2 });
    scene.moves.resendRestored();
    expect(scene.said).to.have.length(said);
  });

  it('restore no session that has ended here, is newer here, or is not of the run', () => {
    const refusal = { type: 'cannot_move', sessionId, epoch: 2 };
    const stale = new Scene();
    stale.over = 2;
    stale.moves.handleMoveMessage(restoreOrder(monotonicMs()));
    expect(stale.lastSaid).to.deep.equal(refusal);
    const newer = new Scene();
    newer.hold({ epoch: 3 });
    newer.moves.handleMoveMessage(restoreOrder(monotonicMs()));
    expect(newer.lastSaid).to.deep.equal(refusal);
    const foreign = new Scene();
    foreign.moves.handleMoveMessage({ ...restoreOrder(0), state: 'e30=' });
    expect(foreign.lastSaid).to.deep.equal(refusal);
  });
});
