import { brokerKilled, hostKilled } from '../support/recovery/recovery-scenarios.js';

/** The short versions of what `test/chaos/` does with many. */
describe('Recovery', function () {
  this.timeout(30_000);

  it('of all clients when their broker is killed: sessions, reservations, positions in the queue', () =>
    brokerKilled({ playing: 22, unclaimed: 3, queued: 5, hosts: 5, slots: 5 }));

  it('of all sessions when their host is killed', () =>
    hostKilled({
      lost: 6,
      kept: 6,
      queued: 3,
      // All the same proportions, at a third of the time or less.
      limits: {
        ...{ heartbeatIntervalMs: 300, suspectAfterMs: 1_000, lostAfterMs: 3_000 },
        ...{ sweepIntervalMs: 300, sweepGapMs: 600 },
      },
    }));
});
