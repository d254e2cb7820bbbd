import { HELD_STATES, SESSION_STATES } from '@duskline/protocol/vocabulary';
import {
  digestSessions,
  sessionDigest,
  type DigestedSession,
} from '@duskline/server/domain/session-digest.js';
import { expect } from 'chai';
import fc from 'fast-check';

const state = fc.constantFrom(...SESSION_STATES);
const epoch = fc.oneof(fc.constantFrom(1, 2, 3), fc.integer({ min: 1, max: 1_000_000 }));
const session: fc.Arbitrary<DigestedSession> = fc.record({
  sessionId: fc.uuid({ version: 7 }),
  epoch,
  state,
});
const sessions = fc.uniqueArray(session, { selector: ({ sessionId }) => sessionId, maxLength: 30 });
const held = fc.record({ sessionId: fc.uuid({ version: 7 }), epoch, state: fc.constantFrom(...HELD_STATES) });

describe('The digest of the sessions of a host', () => {
  it('does not depend on their order', () => {
    const twice = sessions.chain((list) =>
      fc.tuple(fc.constant(list), fc.shuffledSubarray(list, { minLength: list.length })),
    );
    fc.assert(fc.property(twice, ([list, shuffled]) => digestSessions(shuffled) === digestSessions(list)));
  });

  it('is a 32-bit integer, 0 for a host without sessions', () => {
    fc.assert(fc.property(sessions, (list) => digestSessions(list) === (digestSessions(list) | 0)));
    expect(digestSessions([])).to.equal(0);
  });

  it('omits what the host does not hold: reservations and ended sessions', () => {
    fc.assert(
      fc.property(sessions, (list) => {
        const holds = list.filter(({ state: is }) => is !== 'reserved' && is !== 'ended');
        expect(digestSessions(holds)).to.equal(digestSessions(list));
      }),
    );
  });

  it('changes with every change of a held session: its state, its epoch, its end', () => {
    fc.assert(
      fc.property(sessions, held, fc.constantFrom(...HELD_STATES), epoch, (list, one, toState, toEpoch) => {
        // The digest of one session in 2^32 is 0, so that it does not change the digest of the host. The next change of the
        // host does.
        fc.pre(sessionDigest(one) !== 0);
        const others = list.filter(({ sessionId }) => sessionId !== one.sessionId);
        const before = digestSessions([...others, one]);
        expect(digestSessions(others), 'ended').not.to.equal(before);
        const after = digestSessions([...others, { ...one, state: toState, epoch: toEpoch }]);
        expect(after === before).to.equal(toState === one.state && toEpoch === one.epoch);
      }),
    );
  });

  it('changes when several sessions make the same change at once', () => {
    const several = fc.uniqueArray(held, {
      selector: ({ sessionId }) => sessionId,
      minLength: 2,
      maxLength: 8,
    });
    fc.assert(
      fc.property(
        several,
        fc.constantFrom(...HELD_STATES),
        fc.constantFrom(...HELD_STATES),
        (list, from, to) => {
          fc.pre(from !== to);
          const before = list.map((one) => ({ ...one, epoch: 1, state: from }));
          const after = list.map((one) => ({ ...one, epoch: 1, state: to }));
          expect(digestSessions(after)).not.to.equal(digestSessions(before));
        },
      ),
    );
  });

  it('changes when two sessions swap their states', () => {
    fc.assert(
      fc.property(held, held, (a, b) => {
        fc.pre(a.sessionId.slice(-8) !== b.sessionId.slice(-8) && a.state !== b.state);
        const before = [
          { ...a, epoch: 1 },
          { ...b, epoch: 1 },
        ];
        const after = [
          { ...a, epoch: 1, state: b.state },
          { ...b, epoch: 1, state: a.state },
        ];
        expect(digestSessions(after)).not.to.equal(digestSessions(before));
      }),
    );
  });

  it('can be updated by one exclusive or per change', () => {
    const change = fc.record({ index: fc.nat({ max: 9 }), state, epoch });
    const ids = fc.uniqueArray(fc.uuid({ version: 7 }), { minLength: 10, maxLength: 10 });
    fc.assert(
      fc.property(ids, fc.array(change, { maxLength: 60 }), (sessionIds, changes) => {
        const table = new Map<string, DigestedSession>();
        let digest = 0;
        for (const { index, ...to } of changes) {
          const sessionId = sessionIds[index]!;
          const before = table.get(sessionId);
          const after = { sessionId, ...to };
          if (before !== undefined) digest ^= sessionDigest(before);
          digest ^= sessionDigest(after);
          table.set(sessionId, after);
        }
        expect(digest).to.equal(digestSessions(table.values()));
      }),
    );
  });
});
