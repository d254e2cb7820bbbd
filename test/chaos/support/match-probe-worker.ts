import { parentPort, workerData } from 'node:worker_threads';
import { createClient } from '@duskline/client/node';
import { createHost } from '@duskline/host';
import { TEST_DEVICE, testToken } from '../../support/fleet/test-broker.js';
import { pauseFor } from '../../support/time/pacing.js';
import type { ProbeOptions } from './match-probe.js';

/** A few players who play one session after the other. The parent thread gets the time of each match in milliseconds. */
const { urls, region, players, pauseMs } = workerData as ProbeOptions;
const port = parentPort!;
const pool = 'console-x';
const host = createHost({
  url: [...urls],
  token: testToken({ kind: 'host', region, pool }),
  hostId: 'probe',
  region,
  pool,
  slots: 4 * players,
  endpoint: 'ws://127.0.0.1:1/stream/probe',
  measureLoad: () => ({ gpu: 0, encoder: 0, cpu: 0, network: 0 }),
});
let over = false;
port.once('message', () => (over = true));

await host.whenRegistered();
await Promise.all(
  Array.from({ length: players }, async (_, i) => {
    const client = createClient({
      url: urls[i % urls.length]!.replace('http', 'ws'),
      token: testToken({ kind: 'player', playerId: `probe-${i}` }),
      device: { ...TEST_DEVICE, codecs: [...TEST_DEVICE.codecs] },
    });
    await client.connect();
    client.on('status', ({ state }) => {
      // The probe measures players who stay connected.
      if (!over && state !== 'ready') port.postMessage('lost');
    });
    while (!over) {
      const requestedAtMs = performance.now();
      const session = await client.play({ title: 'starfall', rtt: { [region]: 10 } });
      port.postMessage(performance.now() - requestedAtMs);
      const admission = host.admit(session.ticket);
      if (!admission.ok) throw new Error(`The host did not admit the player: ${admission.reason}`);
      await session.end();
      await pauseFor(pauseMs);
    }
    await client.close();
  }),
);
await host.leave();
