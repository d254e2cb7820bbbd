import fc from 'fast-check';
import type { HistoryEvent } from '@duskline/loadtest/history/events.js';
import { MODEL_BOUNDS, ModelFleet } from './model-fleet.js';

const STEPS = [
  'play',
  'play',
  'play',
  'leave',
  'move',
  'moveLive',
  'moveFails',
  'repeat',
  'hang',
  'cordon',
  'kill',
  'killBroker',
  'beat',
] as const;

/** Histories without violations, ordered by time. */
export const legalHistories: fc.Arbitrary<HistoryEvent[]> = fc
  .array(
    fc.record({ step: fc.constantFrom(...STEPS), pick: fc.nat(1_000), ms: fc.integer({ min: 1, max: 300 }) }),
    {
      minLength: 5,
      maxLength: 40,
    },
  )
  .map((steps) => {
    const fleet = new ModelFleet();
    begin(fleet);
    for (const { step, pick, ms } of steps) {
      take(fleet, step, pick);
      fleet.wait(ms);
    }
    end(fleet);
    return fleet.events.sort((a, b) => a.atMs - b.atMs);
  });

/** Starts every history with an event of each kind, so that each violation can be injected. */
function begin(fleet: ModelFleet): void {
  fleet.record({ type: 'broker-ready', broker: 'b1', ready: true });
  fleet.record({ type: 'broker-ready', broker: 'b2', ready: true });
  fleet.addHost('h1', 2);
  fleet.addHost('dead', 1);
  fleet.wait(10);
  fleet.play(true);
  fleet.wait(100);
  fleet.play(false);
  fleet.kill('near/console-x/dead');
  fleet.addHost('h2', 3);
  fleet.wait(100);
  fleet.move([...fleet.sessions.values()][0]!);
  fleet.wait(100);
  fleet.play(true);
  const moving = [...fleet.sessions.values()].at(-1)!;
  fleet.moveLive(moving, false);
  fleet.wait(10);
  fleet.moveLive(moving, true);
}

function end(fleet: ModelFleet): void {
  for (const host of fleet.hosts.keys()) fleet.uncordon(host);
  // The newest sessions do not end, so that every snapshot has sessions.
  const { reservationMs, recoverWithinMs, goneWithinMs } = MODEL_BOUNDS;
  fleet.wait(reservationMs + recoverWithinMs + goneWithinMs);
  fleet.beat();
  fleet.recordSnapshot();
  fleet.wait(100);
  fleet.recordSnapshot();
}

function take(fleet: ModelFleet, step: (typeof STEPS)[number], pick: number): void {
  const hosts = [...fleet.hosts.keys()];
  // The first session never ends, because violations are injected into it.
  const [, ...sessions] = fleet.sessions.values();
  const host = hosts[pick % hosts.length];
  const session = sessions[pick % Math.max(1, sessions.length)];
  switch (step) {
    case 'play': {
      fleet.play(pick % 4 !== 0);
      return;
    }
    case 'leave': {
      session?.expiresAtMs === null ? fleet.leave(session) : undefined;
      return;
    }
    case 'move': {
      session === undefined ? undefined : fleet.move(session);
      return;
    }
    case 'moveLive':
    case 'moveFails': {
      session === undefined ? undefined : fleet.moveLive(session, step === 'moveLive');
      return;
    }
    case 'repeat': {
      session === undefined ? undefined : fleet.repeat(session);
      return;
    }
    case 'hang': {
      host === undefined ? undefined : fleet.hang(host, 50 + (pick % 500));
      return;
    }
    case 'cordon':
      if (host !== undefined) fleet.cordon(host);
      return;
    case 'kill': {
      // The first session is on the second host, which is not killed.
      hosts.length > 2 ? fleet.kill(hosts.at(-1)!) : fleet.addHost(`x${pick}`, 2);
      return;
    }
    case 'killBroker': {
      fleet.killBroker(pick % 2 === 0 ? 'b1' : 'b2');
      return;
    }
    case 'beat': {
      fleet.beat();
      return;
    }
  }
}
