import { expect } from 'chai';
import {
  HandoverOutdated,
  PlayerHandovers,
  type HandoverKind,
} from '@duskline/server/broker/requests/player-handovers.js';

/** Runs handovers of one player, each of which ends when the test says so. */
class Handovers {
  readonly started: string[] = [];
  /** What became of those that never started, by request id. */
  readonly outdatedBy = new Map<string, string>();
  readonly #handovers = new PlayerHandovers();
  readonly #finish = new Map<string, () => void>();

  async begin(requestId: string, kind: HandoverKind, playerId = 'alice'): Promise<void> {
    this.#handovers
      .run(playerId, requestId, kind, () => {
        this.started.push(requestId);
        return new Promise<void>((resolve) => this.#finish.set(requestId, resolve));
      })
      .catch((error: unknown) => {
        if (!(error instanceof HandoverOutdated)) throw error;
        this.outdatedBy.set(requestId, `${error.byKind} ${error.byRequestId}`);
      });
    await settled();
  }

  async finish(requestId: string): Promise<void> {
    this.#finish.get(requestId)!();
    await settled();
  }
}

/** Resolves when all promises that are settled now were handled. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

describe('The handovers of a player', () => {
  let handovers: Handovers;
  beforeEach(() => {
    handovers = new Handovers();
  });

  it('run one at a time, and those of another player at the same time', async () => {
    await handovers.begin('r1', 'takeover');
    await handovers.begin('r2', 'resume');
    await handovers.begin('other', 'resume', 'bob');
    expect(handovers.started).to.deep.equal(['r1', 'other']);
    await handovers.finish('r1');
    expect(handovers.started).to.deep.equal(['r1', 'other', 'r2']);
    await handovers.finish('r2');
    await handovers.begin('r3', 'takeover');
    expect(handovers.started.at(-1)).to.equal('r3');
  });

  it('leave of those that wait only the last takeover, and the last resume after it', async () => {
    await handovers.begin('r1', 'resume');
    await handovers.begin('r2', 'resume');
    await handovers.begin('t1', 'takeover');
    await handovers.begin('r3', 'resume');
    expect(Object.fromEntries(handovers.outdatedBy)).to.deep.equal({ r2: 'takeover t1' });
    await handovers.begin('t2', 'takeover');
    await handovers.begin('r4', 'resume');
    await handovers.begin('r5', 'resume');
    expect(Object.fromEntries(handovers.outdatedBy)).to.deep.equal({
      r2: 'takeover t1',
      t1: 'takeover t2',
      r3: 'takeover t2',
      r4: 'resume r5',
    });
    for (const requestId of ['r1', 't2', 'r5']) await handovers.finish(requestId);
    expect(handovers.started).to.deep.equal(['r1', 't2', 'r5']);
  });
});
