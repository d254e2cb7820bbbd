import { expect } from 'chai';
import { IDLE_LOAD } from '../../../support/fleet/test-broker.js';
import { ManualFleet } from '../../../support/manual/manual-fleet.js';

const REGION_POOL = { region: 'near', pool: 'console-x' };

describe('The rebalancer', () => {
  let fleet: ManualFleet;
  beforeEach(async () => {
    fleet = await ManualFleet.start({ rebalance: true });
  });
  afterEach(() => fleet.stop());

  it('judges hosts once per interval of heartbeats: the third hot one closes a host, the first cool one opens it', async () => {
    const host = await fleet.host({ hostId: 'h1' });
    const isHot = async (): Promise<boolean> =>
      (await fleet.store.getClosures(REGION_POOL, 'h1')).includes('hot');
    host.load = { ...IDLE_LOAD, gpu: 0.97 };
    await fleet.clock.elapse(5_000);
    expect(await isHot(), 'after two hot heartbeats').to.equal(false);
    await fleet.clock.elapse(4_000);
    expect(await isHot(), 'after the third').to.equal(true);
    host.load = IDLE_LOAD;
    await fleet.clock.elapse(4_000);
    expect(await isHot(), 'after a cool one').to.equal(false);
  });
});
