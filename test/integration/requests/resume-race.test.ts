import { expect } from 'chai';
import { interfereOnce } from '../../support/fleet/interfere-once.js';
import type { Peer } from '../../support/fleet/peer.js';
import { TestFleet, acceptOffer, play, queueUp, roundTrip } from '../../support/fleet/test-fleet.js';
import { waitUntil } from '../../support/time/eventually.js';

const REGION_POOL = { region: 'near', pool: 'console-x' };

describe('When two devices on two brokers resume a session and the store carries out their calls by turns', function () {
  this.timeout(15_000);
  let fleet: TestFleet;
  let tv: Peer;
  let tablet: Peer;
  let phone: Peer;
  beforeEach(async () => {
    fleet = await TestFleet.start({ brokers: 2 });
    tv = await fleet.player('alice');
    tablet = await fleet.player('alice');
    phone = await fleet.player('alice', { broker: 1 });
  });
  afterEach(() => fleet.stop());

  it('the last one to resume has the session, and each other one is told so', async () => {
    const host = await fleet.host({ hostId: 'h1' });
    play(tv, 'r1');
    const { sessionId } = await tv.next('matched');
    await host.next('prepare');
    interfereOnce(fleet.stores[0]!, 'giveSession', 'before', async () => {
      play(phone, 'r3', { onConflict: 'resume' });
      await phone.next('matched');
    });
    play(tablet, 'r2', { onConflict: 'resume' });
    expect(await tablet.answer('r2')).to.include({ type: 'replaced', byRequestId: 'r3', sessionId });
    expect(await tv.next('replaced')).to.include({ requestId: 'r1', sessionId });
    host.send({ type: 'session', sessionId, epoch: 1, state: 'active' });
    expect(await phone.next('session')).to.include({ sessionId, state: 'active' });
    await Promise.all([tv, tablet, phone].map(roundTrip));
    expect([...tv.unread, ...tablet.unread, ...phone.unread]).to.deep.equal([]);
  });

  it('the last one to resume waits, and each other one is told so', async () => {
    const host = await fleet.fullHost({ hostId: 'h1' });
    await queueUp(tv, 'r1');
    interfereOnce(fleet.stores[0]!, 'enqueue', 'before', async () => {
      await queueUp(phone, 'r3', { onConflict: 'resume' });
    });
    play(tablet, 'r2', { onConflict: 'resume' });
    expect(await tablet.answer('r2')).to.include({ type: 'replaced', byRequestId: 'r3' });
    expect(await tv.next('replaced')).to.include({ requestId: 'r1' });
    await host.free();
    await acceptOffer(phone);
    await host.next('prepare');
    await Promise.all([tv, tablet].map(roundTrip));
    expect([...tv.unread, ...tablet.unread]).to.deep.equal([]);
  });

  it('a slot that was just reserved for the session is kept', async () => {
    const host = await fleet.host({ hostId: 'h1' }, 1);
    interfereOnce(fleet.stores[0]!, 'reserve', 'after', async () => {
      play(phone, 'r2', { onConflict: 'resume' });
      await phone.next('matched');
    });
    play(tv, 'r1', { onConflict: 'resume' });
    const replaced = await tv.answer('r1');
    expect(replaced).to.include({ type: 'replaced', byRequestId: 'r2' });
    const { sessionId } = await host.next('prepare');
    host.send({ type: 'session', sessionId, epoch: 1, state: 'active' });
    expect(await phone.next('session')).to.include({ sessionId, state: 'active' });
    await waitUntil(async () => {
      const [session] = await fleet.stores[0]!.getSessions(REGION_POOL, [String(sessionId)]);
      return session?.state === 'active';
    });
    expect(host.unread).to.deep.equal([]);
  });
});
