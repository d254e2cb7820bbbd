import { hostKilled } from '../support/recovery/recovery-scenarios.js';

/** Default limits: the host counts as lost after 10 s, by two sweeps that are 2 s apart. */
describe('kill -9 of a host', () => {
  it('moves its sessions to another host, once, and does not change the queue', () =>
    hostKilled({ lost: 24, kept: 24, queued: 10 }));
});
