import { describeProcessKills } from '../support/moves/process-kill-suite.js';

const DEFAULTS = { allOnMovingBroker: false, onHostLost: 'replace', acceptsMove: true, afterMs: 0 } as const;

// A few stages of a move. `chaos/moves-killed.test.ts` kills each party at each stage.
describeProcessKills(
  'A session during whose move a process is killed',
  {
    scenarios: [
      { ...DEFAULTS, party: 'broker', stage: 'checkpoint delivered', scope: 'next', outcomes: ['stays'] },
      {
        ...DEFAULTS,
        party: 'broker',
        stage: 'client notified',
        scope: 'near',
        allOnMovingBroker: true,
        outcomes: ['moved'],
      },
    ],
    fleets: 1,
    perFleet: 1,
  },
  {
    scenarios: [
      {
        ...DEFAULTS,
        party: 'source host',
        stage: 'checkpoint delivered',
        scope: 'near',
        outcomes: ['replaced'],
      },
      { ...DEFAULTS, party: 'source host', stage: 'client notified', scope: 'next', outcomes: ['moved'] },
      {
        ...DEFAULTS,
        party: 'target host',
        stage: 'checkpoint delivered',
        scope: 'near',
        outcomes: ['stays'],
      },
      { ...DEFAULTS, party: 'client', stage: 'client admitted', scope: 'next', outcomes: ['moved'] },
    ],
    fleets: 1,
    perFleet: 4,
  },
);
