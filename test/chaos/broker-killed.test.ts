import { brokerKilled } from '../support/recovery/recovery-scenarios.js';

describe('kill -9 of a broker with 500 clients', () => {
  it('loses no session, no reservation and no position in the queue', () =>
    brokerKilled({ playing: 430, unclaimed: 20, queued: 50, hosts: 15, slots: 30 }));
});
