import { monotonicMs } from '@duskline/loadtest/drive/clock.js';
import { decodeCheckpoint, encodeCheckpoint } from '@duskline/loadtest/drive/hosts/checkpoint-state.js';
import { expect } from 'chai';

describe('The state that hosts of a load test transfer', () => {
  it('contains since when the session is paused', () => {
    const sinceMs = monotonicMs() - 40;
    expect(decodeCheckpoint('s1', encodeCheckpoint('s1', sinceMs))).to.equal(sinceMs);
  });

  it('is refused for another session, and when another program wrote it', () => {
    const now = monotonicMs();
    expect(decodeCheckpoint('s2', encodeCheckpoint('s1', now))).to.equal(undefined);
    expect(decodeCheckpoint('s1', encodeCheckpoint('s1', now + 60_000))).to.equal(undefined);
    for (const text of ['', 'null', '[]', '{"count":3}', '{"sessionId":"s1","pausedSinceMs":"soon"}']) {
      expect(decodeCheckpoint('s1', Buffer.from(text)), text).to.equal(undefined);
    }
  });
});
