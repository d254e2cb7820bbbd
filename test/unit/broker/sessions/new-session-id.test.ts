import { createSessionNaming } from '@duskline/server/broker/sessions/new-session-id.js';
import { systemRuntime } from '@duskline/server/runtime/system-runtime.js';
import { expect } from 'chai';
import { validate, version } from 'uuid';

describe('Session ids', () => {
  const startedAtMs = Date.now();
  const { newSessionId } = createSessionNaming(systemRuntime);
  const ids = Array.from({ length: 5_000 }, newSessionId);

  it('are UUIDs of version 7 with the current time', () => {
    for (const id of ids) {
      expect(validate(id)).to.equal(true);
      expect(version(id)).to.equal(7);
    }
    const madeAtMs = Number.parseInt((ids[0] ?? '').replaceAll('-', '').slice(0, 12), 16);
    expect(Math.abs(startedAtMs - madeAtMs)).to.be.below(60_000);
  });

  it('increase, also within a millisecond', () => {
    expect(ids).to.deep.equal(ids.toSorted());
  });

  it('are unique down to the last bits', () => {
    expect(new Set(ids.map((id) => id.slice(-11))).size).to.equal(ids.length);
  });
});
