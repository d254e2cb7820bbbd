import { closureSuite } from './hosts/closure-suite.js';
import { coordinationSuite } from './leases/coordination-suite.js';
import type { StoreFixture } from './fixture.js';
import { inboxSuite } from './inbox/inbox-suite.js';
import { hostFailureSuite } from './hosts/host-failure-suite.js';
import { hostSuite } from './hosts/host-suite.js';
import { liveRequestSuite } from './requests/live-request-suite.js';
import { lostSessionSuite } from './sessions/lost-session-suite.js';
import { moveSuite } from './moves/move-suite.js';
import { offerSuite } from './queue/offer-suite.js';
import { offeredSessionSuite } from './queue/offered-session-suite.js';
import { drainSuite } from './drains/drain-suite.js';
import { placementSuite } from './sessions/placement-suite.js';
import { queueSuite } from './queue/queue-suite.js';
import { reconcileSuite } from './hosts/reconcile-suite.js';
import { recordedEndSuite } from './sessions/recorded-end-suite.js';
import { requestSuite } from './requests/request-suite.js';
import { returningHostSuite } from './hosts/returning-host-suite.js';
import { sessionSuite } from './sessions/session-suite.js';
import { scanQueueSuite } from './queue/scan-queue-suite.js';
import { waitingSuite } from './queue/waiting-suite.js';

/** The tests of the whole `FleetStore` contract, the same for every implementation. */
export function describeStore(name: string, open: () => Promise<StoreFixture>): void {
  describe(name, () => {
    let fixture: StoreFixture | undefined;
    const current = (): StoreFixture => {
      if (fixture === undefined) throw new Error('no test is running');
      return fixture;
    };
    beforeEach(async () => {
      fixture = await open();
    });
    afterEach(async () => {
      await fixture?.close();
      fixture = undefined;
    });

    placementSuite(current);
    sessionSuite(current);
    hostSuite(current);
    closureSuite(current);
    hostFailureSuite(current);
    returningHostSuite(current);
    recordedEndSuite(current);
    reconcileSuite(current);
    lostSessionSuite(current);
    queueSuite(current);
    waitingSuite(current);
    scanQueueSuite(current);
    offerSuite(current);
    offeredSessionSuite(current);
    requestSuite(current);
    liveRequestSuite(current);
    coordinationSuite(current);
    inboxSuite(current);
    drainSuite(current);
    moveSuite(current);
  });
}
