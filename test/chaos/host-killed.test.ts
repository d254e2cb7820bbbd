import { hostKilled } from '../support/recovery/recovery-scenarios.js';

/** With the default limits, a host counts as lost after 10 s, when two sweeps that are 2 s apart found it silent. */
describe('kill -9 of a host', () => {
  it('moves its sessions to another host, once, and does not change the queue', () =>
    hostKilled({ lost: 24, kept: 24, queued: 10 }));
});
