import { describeProcessKills } from '../support/moves/process-kill-suite.js';

const USUAL = { allOnMover: false, onHostLost: 'replace', goes: true, afterMs: 0 } as const;

/** The other gaps of a move, and the others who may die in each, are in `chaos/moves-killed.test.ts`. */
describeProcessKills(
  'A live move of which a party is killed',
  {
    moves: [
      { ...USUAL, party: 'broker', gap: 'checkpoint delivered', scope: 'next', outcomes: ['stays'] },
      {
        ...USUAL,
        party: 'broker',
        gap: 'client notified',
        scope: 'near',
        allOnMover: true,
        outcomes: ['moved'],
      },
    ],
    fleets: 1,
    scenes: 1,
  },
  {
    moves: [
      { ...USUAL, party: 'old host', gap: 'checkpoint delivered', scope: 'near', outcomes: ['anew'] },
      { ...USUAL, party: 'old host', gap: 'client notified', scope: 'next', outcomes: ['moved'] },
      { ...USUAL, party: 'new host', gap: 'checkpoint delivered', scope: 'near', outcomes: ['stays'] },
      { ...USUAL, party: 'client', gap: 'client admitted', scope: 'next', outcomes: ['moved'] },
    ],
    fleets: 1,
    scenes: 4,
  },
);
