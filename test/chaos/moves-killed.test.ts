import type { ProcessKillScenario, Outcome, Party } from '../support/moves/process-kill-scenario.js';
import { describeProcessKills } from '../support/moves/process-kill-suite.js';
import { MOVE_STAGES, type MoveStage } from '../support/moves/move-scenario.js';

const SCOPES = ['near', 'next'] as const;

const USUAL = { allOnMover: false, onHostLost: 'replace', goes: true, afterMs: 0 } as const;

/** In both scopes. */
function kills(
  party: Party,
  gap: MoveStage,
  outcomes: readonly Outcome[],
  change: Partial<ProcessKillScenario> = {},
): ProcessKillScenario[] {
  return SCOPES.map((scope) => ({ ...USUAL, party, gap, scope, outcomes, ...change }));
}

/** As the request says: a session whose host dies is placed anew, or ends. */
function lost(
  party: Party,
  gap: MoveStage,
  others: readonly Outcome[],
  change: Partial<ProcessKillScenario> = {},
): ProcessKillScenario[] {
  return [
    ...kills(party, gap, ['anew', ...others], change),
    ...kills(party, gap, ['ended', ...others], { ...change, onHostLost: 'end' }),
  ];
}

/** After the new host has let the client in, it is settled where the session is: whoever dies then comes too late. */
const SETTLED: readonly MoveStage[] = ['client admitted', 'moved'];

const OF_CLIENT = MOVE_STAGES.flatMap((gap) =>
  kills('client', gap, SETTLED.includes(gap) ? ['moved'] : ['stays']),
);

const OF_OLD_HOST = MOVE_STAGES.flatMap((gap) => {
  const isHanded = gap !== 'checkpoint ordered' && gap !== 'checkpoint delivered';
  return isHanded ? kills('old host', gap, ['moved']) : lost('old host', gap, []);
});

const OF_NEW_HOST = MOVE_STAGES.flatMap((gap) => {
  if (gap === 'moved') return lost('new host', gap, []);
  if (gap !== 'client admitted') return kills('new host', gap, ['stays']);
  // Its word may have been on its way, or not.
  return [...lost('new host', gap, ['stays']), ...lost('new host', gap, ['stays'], { afterMs: 2 })];
});

const OF_BROKER = [false, true].flatMap((allOnMover) =>
  MOVE_STAGES.flatMap((gap) => {
    const kill = (
      outcomes: readonly Outcome[],
      change: Partial<ProcessKillScenario> = {},
    ): ProcessKillScenario[] => kills('broker', gap, outcomes, { allOnMover, ...change });
    switch (gap) {
      case 'checkpoint ordered':
      case 'checkpoint delivered':
        return kill(['stays']);
      case 'client notified':
        return [...kill(['moved']), ...kill(['stays'], { goes: false })];
      case 'client admitted':
        return [...kill(['moved']), ...kill(['moved'], { afterMs: 2 })];
      case 'moved':
        return kill(['moved']);
      default:
        return gap satisfies never;
    }
  }),
);

/** Short limits: steps of a second, hosts that are lost after three. Most of a scene is waiting, so many play at a time. */
describeProcessKills('kill -9 of a client while its session moves', {
  moves: OF_CLIENT,
  fleets: 1,
  scenes: 7,
});
describeProcessKills('kill -9 of the old host while a session moves', {
  moves: OF_OLD_HOST,
  fleets: 1,
  scenes: 7,
});
describeProcessKills('kill -9 of the new host while a session moves', {
  moves: OF_NEW_HOST,
  fleets: 1,
  scenes: 7,
});
describeProcessKills('kill -9 of the broker that moves a session', {
  moves: OF_BROKER,
  fleets: 4,
  scenes: 1,
});
