import { expect } from 'chai';
import { ExpiringRecords } from '@duskline/server/broker/connections/expiring-records.js';

describe('what is remembered of those who are gone', () => {
  let nowMs = 0;
  const gone = (max = 10): ExpiringRecords<{ sessionId: string }> =>
    new ExpiringRecords(1_000, max, () => nowMs);
  const idsOf = (list: ExpiringRecords<{ sessionId: string }>): string[] =>
    list.all.map(({ sessionId }) => sessionId);

  it('is forgotten after its time, counted from the last time they went', () => {
    const list = gone();
    list.add({ sessionId: 'a' });
    nowMs += 600;
    list.add({ sessionId: 'b' });
    list.add({ sessionId: 'a' });
    nowMs += 999;
    expect(idsOf(list)).to.deep.equal(['b', 'a']);
    nowMs += 1;
    expect(idsOf(list)).to.deep.equal([]);
  });

  it('is no more than fits: the longest gone give way', () => {
    const list = gone(2);
    for (const sessionId of ['a', 'b', 'c']) list.add({ sessionId });
    expect(idsOf(list)).to.deep.equal(['b', 'c']);
  });

  it('is forgotten when they are back', () => {
    const list = gone();
    list.add({ sessionId: 'a' });
    list.forget('a');
    expect(list.get('a')).to.equal(undefined);
  });
});
