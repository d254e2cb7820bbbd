import { closureSuite } from './closure-suite.js';
import { coordinationSuite } from './coordination-suite.js';
import type { StoreFixture } from './fixture.js';
import { inboxSuite } from './inbox-suite.js';
import { hostFailureSuite } from './host-failure-suite.js';
import { hostSuite } from './host-suite.js';
import { liveRequestSuite } from './live-request-suite.js';
import { moveSuite } from './move-suite.js';
import { offerSuite } from './offer-suite.js';
import { offeredSessionSuite } from './offered-session-suite.js';
import { drainSuite } from './drain-suite.js';
import { placementSuite } from './placement-suite.js';
import { queueSuite } from './queue-suite.js';
import { reconcileSuite } from './reconcile-suite.js';
import { recordedEndSuite } from './recorded-end-suite.js';
import { requestSuite } from './request-suite.js';
import { returningHostSuite } from './returning-host-suite.js';
import { sessionSuite } from './session-suite.js';
import { waitingSuite } from './waiting-suite.js';

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
    queueSuite(current);
    waitingSuite(current);
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
