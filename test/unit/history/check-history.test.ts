import { expect } from 'chai';
import fc from 'fast-check';
import { RULES } from '@duskline/loadtest/history/check.js';
import {
  checkHistory,
  createHistoryChecker,
  describeViolations,
} from '@duskline/loadtest/history/check-history.js';
import type { HistoryEvent } from '@duskline/loadtest/history/events.js';
import { admitLate, allRuleViolations } from './rule-violations.js';
import { legalHistories } from './legal-histories.js';
import { MODEL_BOUNDS, ModelFleet } from './model-fleet.js';

const bounds = MODEL_BOUNDS;

function brokenRules(history: Iterable<HistoryEvent>): string[] {
  const violations = checkHistory(history, { bounds });
  for (const { events } of violations) expect(events).to.not.deep.equal([]);
  return [...new Set(violations.map(({ rule }) => rule))];
}

describe('The history checker', () => {
  it('reports nothing for a valid history', () => {
    fc.assert(
      fc.property(legalHistories, (history) => {
        const violations = checkHistory(history, { bounds });
        expect(violations, describeViolations(violations)).to.deep.equal([]);
      }),
    );
  });

  for (const [rule, what, fault] of allRuleViolations()) {
    it(`reports ${what} as ${rule}, and nothing else`, () => {
      fc.assert(
        fc.property(legalHistories, (history) => {
          expect(brokenRules(fault(history))).to.deep.equal([rule]);
        }),
        { numRuns: 40 },
      );
    });
  }

  for (const [acceptWithinMs, expected, what] of [
    [5_000, [], 'made before it, and whose client received it after a pause of its broker'],
    [14_900, ['Q3'], 'made after it'],
  ] as const) {
    const word = expected.length === 0 ? 'accepts' : 'reports';
    it(`${word} an offer to a later request that is received before an offer to an earlier one, ${what}`, () => {
      const [history = []] = fc.sample(legalHistories, { numRuns: 1, seed: 7 });
      const [early, late] = [
        { player: 'early', requestId: 'r' },
        { player: 'late', requestId: 'r' },
      ];
      const wish = { title: 'drift', rtt: { near: 20 } };
      const offered = { type: 'offered', region: 'near' } as const;
      const atMs = Math.max(...history.map((event) => event.atMs));
      const delayed: HistoryEvent[] = [
        ...history,
        { type: 'requested', ...early, ...wish, atMs },
        { type: 'queued', ...early, position: 1, region: 'near', atMs: atMs + 5 },
        { type: 'requested', ...late, ...wish, atMs: atMs + 3_000 },
        { type: 'queued', ...late, position: 1, region: 'near', atMs: atMs + 3_005 },
        { ...offered, ...late, acceptWithinMs: 15_000, atMs: atMs + 4_000 },
        { ...offered, ...early, acceptWithinMs, atMs: atMs + 10_000 },
      ];
      expect(brokenRules(delayed)).to.deep.equal(expected);
    });
  }

  it('accepts a client that its former host admits while the order to end that assignment is on its way', () => {
    for (const [history = []] of [11, 12, 13].map((seed) =>
      fc.sample(legalHistories, { numRuns: 1, seed }),
    )) {
      expect(brokenRules(admitLate(history, bounds.handOverMs / 2))).to.deep.equal([]);
      expect(brokenRules(admitLate(history, bounds.handOverMs * 2))).to.deep.equal(['S1']);
    }
  });

  it('accepts round-trip times in whole milliseconds for the region pool of a moved session', () => {
    const [history = []] = fc.sample(legalHistories, { numRuns: 1, seed: 7 });
    const { player } = history.find((event) => event.type === 'matched' && event.epoch === 2) as {
      player?: string;
    };
    const exact = history.map((event) => {
      if (!('player' in event) || event.player !== player) return event;
      if (event.type === 'requested') return { ...event, rtt: { near: 19.6 } };
      return event.type === 'matched' && event.epoch === 1 ? { ...event, rttMs: 19.6 } : event;
    });
    expect(player).not.to.equal(undefined);
    expect(brokenRules(exact)).to.deep.equal([]);
  });

  it('has a violation for every rule', () => {
    expect([...new Set(allRuleViolations().map(([rule]) => rule))]).to.have.members(RULES);
  });

  it('explains each violation with the events that prove it', () => {
    const [history] = fc.sample(legalHistories, { numRuns: 1, seed: 7 });
    const [, , fault] = allRuleViolations().find(([rule]) => rule === 'S7')!;
    const text = describeViolations(checkHistory(fault(history!), { bounds }));
    expect(text).to.match(/^S7: request r of p1 led to s1 and another\n {4}\{"atMs":.*"sessionId":"s1"/);
  });

  it('checks a million events within seconds', function () {
    this.timeout(30_000);
    const fleet = new ModelFleet();
    fleet.addHost('h1', 8);
    while (fleet.events.length < 200) {
      fleet.play(true);
      const [session] = fleet.sessions.values();
      if (fleet.sessions.size === 8 && session !== undefined) fleet.leave(session);
    }
    const piece = fleet.events;
    const lengthMs = piece.at(-1)!.atMs;
    function* repeated(): Generator<HistoryEvent> {
      for (let i = 0; i < 1_000_000 / piece.length; i += 1) {
        const own = (name: string): string => `${name}-${i}`;
        for (const event of piece) {
          const changed: Record<string, unknown> = { ...event, atMs: event.atMs + i * (lengthMs + 1) };
          for (const field of ['player', 'sessionId', 'host']) {
            if (field in changed) changed[field] = own(String(changed[field]));
          }
          yield changed as unknown as HistoryEvent;
        }
      }
    }
    const startedAtMs = performance.now();
    const checker = createHistoryChecker({ bounds });
    for (const event of repeated()) checker.addEvent(event);
    expect(checker.finish()).to.deep.equal([]);
    expect(performance.now() - startedAtMs).to.be.below(15_000);
  });
});
