import type { Heartbeat } from '@duskline/protocol';
import { UnansweredPrepares } from '@duskline/server/broker/connections/unanswered-prepares.js';
import { expect } from 'chai';

const NO_LOAD = { gpu: 0, encoder: 0, cpu: 0, network: 0 };

function heartbeat(change: Partial<Heartbeat> = {}): Heartbeat {
  return { type: 'heartbeat', load: NO_LOAD, sessions: [], ...change };
}

describe('An assignment that a host was sent', () => {
  it('is unanswered after two heartbeats that say what is prepared and do not name it', () => {
    const prepares = new UnansweredPrepares();
    prepares.add('s1', 1);
    const unanswered = [1, 2].map(() => {
      prepares.receiveHeartbeat(heartbeat({ prepared: [{ sessionId: 's2', epoch: 1 }] }));
      return prepares.isUnanswered('s1', 1);
    });
    expect(unanswered).to.deep.equal([false, true]);
    expect(prepares.isUnanswered('s1', 2)).to.equal(false);
    expect(prepares.isUnanswered('s2', 1)).to.equal(false);
  });

  const answers: readonly (readonly [string, Partial<Heartbeat>])[] = [
    ['as prepared', { prepared: [{ sessionId: 's1', epoch: 1 }] }],
    ['as running', { prepared: [], sessions: [{ sessionId: 's1', epoch: 1, state: 'active' }] }],
  ];
  for (const [what, change] of answers) {
    it(`is answered by one heartbeat that names it ${what}`, () => {
      const prepares = new UnansweredPrepares();
      prepares.add('s1', 1);
      prepares.receiveHeartbeat(heartbeat({ prepared: [] }));
      prepares.receiveHeartbeat(heartbeat(change));
      for (let i = 0; i < 3; i += 1) prepares.receiveHeartbeat(heartbeat({ prepared: [] }));
      expect(prepares.isUnanswered('s1', 1)).to.equal(false);
    });
  }

  it('is not answered by a heartbeat that names an older epoch', () => {
    const prepares = new UnansweredPrepares();
    prepares.add('s1', 2);
    for (let i = 0; i < 2; i += 1) {
      prepares.receiveHeartbeat(heartbeat({ prepared: [{ sessionId: 's1', epoch: 1 }] }));
    }
    expect(prepares.isUnanswered('s1', 2)).to.equal(true);
  });

  it('is never unanswered by a host that does not say what is prepared', () => {
    const prepares = new UnansweredPrepares();
    prepares.add('s1', 1);
    for (let i = 0; i < 5; i += 1) prepares.receiveHeartbeat(heartbeat());
    expect(prepares.isUnanswered('s1', 1)).to.equal(false);
  });
});
