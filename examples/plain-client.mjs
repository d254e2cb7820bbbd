// Plays a title with plain WebSocket frames. Token in DUSKLINE_TOKEN; ends the session on Ctrl-C.
// usage: node plain-client.mjs ws://127.0.0.1:8080 starfall
/* global fetch, performance */
import { randomUUID } from 'node:crypto';
import { WebSocket } from 'ws';

const [url = 'ws://127.0.0.1:8080', title = 'starfall'] = process.argv.slice(2);
const device = { kind: 'pc', codecs: ['av1', 'hevc', 'h264'], maxResolution: '1080p' };
const requestId = randomUUID(); // the same for all attempts, so that repeating the request is safe
const FINAL_CLOSES = [1000, 1002, 1003, 1007, 1009, 4400, 4401, 4403, 4409, 4422];

async function measure({ region, beaconUrl }) {
  await fetch(beaconUrl); // opens the connection, whose time must not count; better: the median of several samples
  const startedAt = performance.now();
  await fetch(beaconUrl);
  return [region, performance.now() - startedAt];
}

function connect() {
  const socket = new WebSocket(`${url}/v1/client`, 'duskline.v1');
  const send = (frame) => socket.readyState === WebSocket.OPEN && socket.send(JSON.stringify(frame));
  const handlers = {
    async welcome({ regions }) {
      const measured = await Promise.allSettled(regions.map(measure));
      const rtt = Object.fromEntries(measured.flatMap(({ value }) => (value ? [value] : [])));
      send({ type: 'play', requestId, title, rtt });
    },
    queued({ position, region }) {
      console.log(`position ${position} in the queue of ${region}`);
    },
    offer() {
      send({ type: 'accept', requestId }); // a client that asks its player has `acceptWithinMs` for the answer
    },
    matched({ sessionId, host, region }) {
      console.log(`matched ${sessionId} on ${host.hostId} in ${region}`); // now send `ticket` to `host.endpoint`
      process.once('SIGINT', () => send({ type: 'end', sessionId }));
    },
    session({ sessionId, state, reason = '' }) {
      console.log(`session ${sessionId} ${state} ${reason}`);
      if (state === 'ended') socket.close(1000);
    },
    error({ code, message, retryable, retryAfterMs = 1000 }) {
      console.error(`${code}: ${message}`);
      if (code === 'NO_OFFER') return; // the offer has expired; the request still waits
      setTimeout(() => socket.close(retryable ? 4000 : 1000), retryAfterMs);
    },
  };
  socket.on('open', () => send({ type: 'hello', token: process.env.DUSKLINE_TOKEN, device }));
  socket.on('message', (data) => {
    const frame = JSON.parse(data.toString());
    if (Object.hasOwn(handlers, frame.type)) void handlers[frame.type](frame); // unknown types are ignored
  });
  socket.on('error', (error) => console.error(error.message));
  socket.on('close', (code) => FINAL_CLOSES.includes(code) || setTimeout(connect, Math.random() * 2000));
}

connect();
