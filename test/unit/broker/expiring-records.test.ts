import { expect } from 'chai';
import { ExpiringRecords } from '@duskline/server/broker/expiring-records.js';
import { ManualClock } from '../../support/time/manual-clock.js';

describe('The record of disconnected clients', () => {
  const clock = new ManualClock();
  const gone = (max = 10): ExpiringRecords<{ sessionId: string }> => new ExpiringRecords(1_000, clock, max);
  const idsOf = (list: ExpiringRecords<{ sessionId: string }>): string[] =>
    list.all.map(({ sessionId }) => sessionId);

  it('is deleted after its time, counted from the last disconnect', () => {
    const list = gone();
    list.add({ sessionId: 'a' });
    clock.advance(600);
    list.add({ sessionId: 'b' });
    list.add({ sessionId: 'a' });
    clock.advance(999);
    expect(idsOf(list)).to.deep.equal(['b', 'a']);
    clock.advance(1);
    expect(idsOf(list)).to.deep.equal([]);
  });

  it('is bounded: the oldest entries are dropped first', () => {
    const list = gone(2);
    for (const sessionId of ['a', 'b', 'c']) list.add({ sessionId });
    expect(idsOf(list)).to.deep.equal(['b', 'c']);
  });

  it('is not returned after its time, though other records were added meanwhile', () => {
    const list = gone();
    list.add({ sessionId: 'a' });
    clock.advance(1_000);
    list.add({ sessionId: 'b' });
    expect(list.get('a')).to.equal(undefined);
    expect(list.get('b')).to.deep.equal({ sessionId: 'b' });
  });

  it('never exceeds its maximum, and keeps at least 15 of 16 records', () => {
    const list = gone(1_000);
    for (let i = 0; i < 5_000; i += 1) {
      list.add({ sessionId: String(i) });
      const ids = idsOf(list);
      expect(ids.at(-1)).to.equal(String(i));
      expect(ids.length).to.be.within(Math.min(i + 1, 937), 1_000);
    }
  });

  it('is deleted when the client reconnects', () => {
    const list = gone();
    list.add({ sessionId: 'a' });
    list.forget('a');
    expect(list.get('a')).to.equal(undefined);
  });
});
