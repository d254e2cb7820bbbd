// Plays a title with plain WebSocket frames. Token in DUSKLINE_TOKEN; Ctrl-C leaves.
// usage: node plain-client.mjs ws://127.0.0.1:8080 starfall
/* global fetch, performance */
import { randomUUID } from 'node:crypto';
import { WebSocket } from 'ws';

const [url = 'ws://127.0.0.1:8080', title = 'starfall'] = process.argv.slice(2);
const device = { kind: 'pc', codecs: ['av1', 'hevc', 'h264'], maxResolution: '1080p' };
const requestId = randomUUID(); // the same for all attempts, so that repeating the request is safe
const FINAL_CLOSES = [1000, 1002, 1003, 1007, 1008, 1009, 4400, 4401, 4403, 4409, 4422];
let [session, isLeaving, failures, ask] = [undefined, false, 0, () => undefined];

async function measure({ region, beaconUrl }) {
  await fetch(beaconUrl); // opens the connection, whose time must not count; better: the median of several samples
  const startedAt = performance.now();
  await fetch(beaconUrl);
  return [region, performance.now() - startedAt];
}

function connect() {
  const socket = new WebSocket(`${url}/v1/client`, 'duskline.v1');
  const send = (frame) => socket.readyState === WebSocket.OPEN && socket.send(JSON.stringify(frame));
  let [mayRetry, retryAfterMs] = [undefined, 0]; // while undefined, the close code decides
  const handlers = {
    __proto__: null, // unknown types are ignored
    async welcome({ regions }) {
      failures = 0;
      const measured = regions.slice(0, 64).map((info) => measure(info).catch(() => [info.region, null]));
      const play = { type: 'play', requestId, title, rtt: Object.fromEntries(await Promise.all(measured)) };
      ask = () => send(isLeaving ? { type: 'cancel', requestId } : { ...play, wait: session === undefined });
      ask();
    },
    queued: ({ position, region }) => console.log(`position ${position} in the queue of ${region}`),
    offer: () => send({ type: 'accept', requestId }),
    matched({ sessionId, epoch, host, region }) {
      if (session && session.sessionId !== sessionId) return send({ type: 'end', sessionId });
      if (session?.epoch > epoch) return;
      session = { sessionId, epoch };
      console.log(`matched ${sessionId} on ${host.hostId} in ${region}`); // now send `ticket` to `host.endpoint`
    },
    session({ sessionId, epoch, state, reason = '' }) {
      if (sessionId !== session?.sessionId || epoch < session.epoch) return;
      session.epoch = epoch;
      console.log(`session ${sessionId} ${state} ${reason}`);
      if (state === 'ended') socket.close(1000);
    },
    error({ requestId: isOfRequest, code, message, retryable, retryAfterMs: waitMs = 0 }) {
      console.error(`${code}: ${message}`);
      if (code === 'TOKEN_NOT_YET_VALID') [mayRetry, retryAfterMs] = [true, waitMs];
      if (!isOfRequest || code === 'NO_OFFER') return;
      if (code === 'UNAVAILABLE' || (retryable && !session)) setTimeout(ask, waitMs + Math.random() * 1000);
      else socket.close(1000);
    },
  };
  socket.on('open', () => send({ type: 'hello', token: process.env.DUSKLINE_TOKEN, device }));
  socket.on('message', (data) => handlers[JSON.parse(data).type]?.(JSON.parse(data)));
  socket.on('unexpected-response', (_request, { statusCode, headers }) => {
    [mayRetry, retryAfterMs] = [statusCode >= 500, 1000 * (headers['retry-after'] ?? 0)];
    socket.terminate();
  });
  socket.on('error', (error) => console.error(error.message));
  socket.on('close', (code) => {
    if (!(mayRetry ?? !FINAL_CLOSES.includes(code))) return;
    setTimeout(connect, retryAfterMs + Math.random() * Math.min(1000 * 2 ** failures++, 30_000));
  });
}

process.once('SIGINT', () => void ask((isLeaving = true)));
connect();
