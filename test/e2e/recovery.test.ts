import { brokerKilled, hostKilled } from '../support/recovery/recovery-scenarios.js';

/** Small versions of the scenarios in `test/chaos/`. */
describe('Recovery', function () {
  this.timeout(30_000);

  it('of all clients when their broker is killed: sessions, reservations, positions in the queue', () =>
    brokerKilled({ playing: 22, unclaimed: 3, queued: 5, hosts: 5, slots: 5 }));

  it('of all sessions when their host is killed', () =>
    hostKilled({
      lost: 6,
      kept: 6,
      queued: 3,
      // The default limits with all times divided by at least three.
      limits: {
        ...{ heartbeatIntervalMs: 300, suspectAfterMs: 1_000, lostAfterMs: 3_000 },
        ...{ sweepIntervalMs: 300, sweepGapMs: 600 },
      },
    }));
});
