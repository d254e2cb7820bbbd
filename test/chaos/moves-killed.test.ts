import type { ProcessKillScenario, Outcome, Party } from '../support/moves/process-kill-scenario.js';
import { describeProcessKills } from '../support/moves/process-kill-suite.js';
import { MOVE_STAGES, type MoveStage } from '../support/moves/move-scenario.js';

const SCOPES = ['near', 'next'] as const;

const DEFAULTS = { allOnMovingBroker: false, onHostLost: 'replace', acceptsMove: true, afterMs: 0 } as const;

/** The scenarios of one stage: a move within the region, and a move to another region. */
function kills(
  party: Party,
  stage: MoveStage,
  outcomes: readonly Outcome[],
  change: Partial<ProcessKillScenario> = {},
): ProcessKillScenario[] {
  return SCOPES.map((scope) => ({ ...DEFAULTS, party, stage, scope, outcomes, ...change }));
}

/** Scenarios in which the session's host is killed: the session is placed on another host or ends, as its request demands. */
function killsSessionHost(
  party: Party,
  stage: MoveStage,
  others: readonly Outcome[],
  change: Partial<ProcessKillScenario> = {},
): ProcessKillScenario[] {
  return [
    ...kills(party, stage, ['replaced', ...others], change),
    ...kills(party, stage, ['ended', ...others], { ...change, onHostLost: 'end' }),
  ];
}

/** From the admission at the target host on, the session is on the target host, whichever process is killed. */
const AFTER_ADMISSION: readonly MoveStage[] = ['client admitted', 'moved'];

const OF_CLIENT = MOVE_STAGES.flatMap((stage) =>
  kills('client', stage, AFTER_ADMISSION.includes(stage) ? ['moved'] : ['stays']),
);

const OF_SOURCE_HOST = MOVE_STAGES.flatMap((stage) => {
  const isRestored = stage !== 'checkpoint ordered' && stage !== 'checkpoint delivered';
  return isRestored ? kills('source host', stage, ['moved']) : killsSessionHost('source host', stage, []);
});

const OF_TARGET_HOST = MOVE_STAGES.flatMap((stage) => {
  if (stage === 'moved') return killsSessionHost('target host', stage, []);
  if (stage !== 'client admitted') return kills('target host', stage, ['stays']);
  // The report of the target host may have reached a broker before the kill, or not.
  return [
    ...killsSessionHost('target host', stage, ['stays']),
    ...killsSessionHost('target host', stage, ['stays'], { afterMs: 2 }),
  ];
});

const OF_BROKER = [false, true].flatMap((allOnMovingBroker) =>
  MOVE_STAGES.flatMap((stage) => {
    const kill = (
      outcomes: readonly Outcome[],
      change: Partial<ProcessKillScenario> = {},
    ): ProcessKillScenario[] => kills('broker', stage, outcomes, { allOnMovingBroker, ...change });
    switch (stage) {
      case 'checkpoint ordered':
      case 'checkpoint delivered':
        return kill(['stays']);
      case 'client notified':
        return [...kill(['moved']), ...kill(['stays'], { acceptsMove: false })];
      case 'client admitted':
        return [...kill(['moved']), ...kill(['moved'], { afterMs: 2 })];
      case 'moved':
        return kill(['moved']);
      default:
        return stage satisfies never;
    }
  }),
);

// Limits are short: a step of a move may take a second, and a host counts as lost after three. Most of a scenario is waiting, so
// several run at a time.
describeProcessKills('kill -9 of a client while its session moves', {
  scenarios: OF_CLIENT,
  fleets: 1,
  perFleet: 7,
});
describeProcessKills('kill -9 of the source host while a session moves', {
  scenarios: OF_SOURCE_HOST,
  fleets: 1,
  perFleet: 7,
});
describeProcessKills('kill -9 of the target host while a session moves', {
  scenarios: OF_TARGET_HOST,
  fleets: 1,
  perFleet: 7,
});
describeProcessKills('kill -9 of the broker that moves a session', {
  scenarios: OF_BROKER,
  fleets: 4,
  perFleet: 1,
});
