import { expect } from 'chai';
import type { AtDeadline } from '@duskline/server/domain/drain.js';
import { ManualFleet } from '../../../support/manual/manual-fleet.js';
import type { ManualPlayer } from '../../../support/manual/manual-peers.js';

const OPERATOR = { operatorId: 'olivia', from: '127.0.0.1' };
const MINUTE_MS = 60_000;

describe('A drain', () => {
  let fleet: ManualFleet;
  let alice: ManualPlayer;
  let sessionId: string;

  beforeEach(async () => {
    fleet = await ManualFleet.start();
    const host = await fleet.host({ hostId: 'h1' });
    alice = fleet.player('alice');
    alice.play('r1');
    await fleet.clock.settle();
    ({ sessionId } = alice.take('matched') as unknown as { sessionId: string });
    host.claim(sessionId);
    await fleet.clock.elapse(100);
    alice.channel.skip();
  });
  afterEach(() => fleet.stop());

  async function drain(deadlineMs: number, atDeadline: AtDeadline): Promise<void> {
    const target = { region: 'near', pool: null, hostId: null };
    const order = { target, mode: 'wait', atDeadline, deadlineMs, yesEverything: false } as const;
    const ordered = fleet.brokers[0]!.operations.drain(order, OPERATOR);
    await fleet.clock.elapse(100);
    await ordered;
  }

  it('warns the player five minutes and one minute before its deadline, and ends the session there', async () => {
    const orderedAtMs = fleet.clock.wallMs();
    await drain(10 * MINUTE_MS, 'end');
    const endsAtMs = orderedAtMs + 10 * MINUTE_MS;
    await fleet.clock.elapse(5 * MINUTE_MS - 3_000);
    expect(alice.channel.unread).to.not.include('limit');
    await fleet.clock.elapse(4_000);
    expect(alice.take('limit')).to.include({ sessionId, kind: 'drain_deadline', endsAtMs });
    await fleet.clock.elapse(4 * MINUTE_MS - 4_000);
    expect(alice.channel.unread).to.not.include('limit');
    await fleet.clock.elapse(4_000);
    expect(alice.take('limit')).to.include({ sessionId, kind: 'drain_deadline', endsAtMs });
    await fleet.clock.elapse(MINUTE_MS - 2_000);
    expect(alice.channel.unread).to.not.include('session');
    await fleet.clock.elapse(4_000);
    expect(alice.take('session')).to.include({ sessionId, state: 'ended', reason: 'drain_deadline' });
  });

  it('that leaves sessions at its deadline neither warns nor ends them', async () => {
    await drain(2 * MINUTE_MS, 'keep');
    await fleet.clock.elapse(3 * MINUTE_MS);
    expect(alice.channel.unread).to.not.include.members(['limit']);
    expect(alice.channel.unread).to.not.include.members(['session']);
    const [report] = await fleet.brokers[0]!.operations.drains();
    expect(report).to.include({ state: 'done' });
  });
});
