import { expect } from 'chai';
import { createBackoffPolicy } from '@duskline/host';
import { ScriptedBroker } from '../scripted-broker.js';
import { startHostFixture, stopHostFixtures } from '../setup.js';

describe('host connection', () => {
  afterEach(stopHostFixtures);

  it('stays connected to a broker that only answers pings', async () => {
    const rig = await startHostFixture();
    const connection = await rig.register();
    for (let beat = 1; beat <= 20; beat += 1) {
      await connection.pings.next((number) => number === beat);
      rig.clock.advance(2_000);
      await connection.next('heartbeat');
      expect(rig.host.status.state).to.equal('registered');
    }
  });

  it('leaves a broker that is silent for two and a half heartbeats, well before its next ping is due', async () => {
    const rig = await startHostFixture();
    const connection = await rig.register({ heartbeatIntervalMs: 2_000, pingIntervalMs: 15_000 });
    await connection.ping();
    connection.freeze();
    rig.clock.advance(4_999);
    expect(rig.host.status.state).to.equal('registered');
    rig.clock.advance(1);
    expect(await rig.retry()).to.deep.include({ state: 'waiting', failure: { kind: 'silence' } });
    await rig.register();
  });

  it('counts silence from the last frame it received, also between two heartbeats', async () => {
    const rig = await startHostFixture();
    const connection = await rig.register();
    rig.clock.advance(1_500);
    await connection.ping();
    connection.freeze();
    rig.clock.advance(4_999);
    expect(rig.host.status.state).to.equal('registered');
    rig.clock.advance(1);
    await rig.until('waiting');
  });

  it('is connected to the next broker well before it counts as lost, every time, when a broker freezes', async () => {
    const [first, second] = [await ScriptedBroker.start(), await ScriptedBroker.start()];
    try {
      const rig = await startHostFixture({
        url: [first.url, second.url],
        reconnectPolicy: createBackoffPolicy(),
      });
      for (const broker of [first, second, first, second]) {
        const connection = await broker.connections.next();
        await connection.accept();
        await rig.until('registered');
        await connection.ping();
        connection.freeze();
        rig.clock.advance(5_000);
        const { retryInMs } = (await rig.retry()) as { retryInMs: number };
        expect(retryInMs).to.be.below(500);
      }
    } finally {
      await first.stop();
      await second.stop();
    }
  });

  it('does not mistake its own pause for silence of the broker', async () => {
    const rig = await startHostFixture();
    const connection = await rig.register();
    await connection.ping();
    for (const pauseMs of [3_900, 4_100, 60_000]) {
      rig.clock.sleep(pauseMs);
      expect(rig.host.status.state).to.equal('registered');
      await connection.ping();
      rig.clock.advance(500);
      expect(rig.host.status.state).to.equal('registered');
    }
  });

  it('detects after its own pause that the broker is gone', async () => {
    const rig = await startHostFixture();
    const connection = await rig.register();
    await connection.ping();
    connection.freeze();
    rig.clock.sleep(60_000);
    expect(rig.host.status.state).to.equal('registered');
    rig.clock.advance(5_000);
    expect(await rig.until('waiting')).to.deep.include({ failure: { kind: 'silence' } });
  });
});
