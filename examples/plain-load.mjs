// Loads a broker with players in plain WebSocket frames, in an open loop, as a start for your own load test.
// usage: DUSKLINE_AUTH_SECRET=... node plain-load.mjs ws://127.0.0.1:8080 starfall 20 10   (20 players a second for 10 s)
import { createHmac, randomUUID } from 'node:crypto';
import { WebSocket } from 'ws';

const [url = 'ws://127.0.0.1:8080', title = 'starfall', rate = '20', seconds = '10'] = process.argv.slice(2);
const device = { kind: 'tv', codecs: ['hevc', 'h264'], maxResolution: '1080p' };
const SESSION_MS = 500;
const GIVE_UP_MS = 10_000;

/** A development token. In production your identity provider signs them. */
function tokenOf(player) {
  const part = (object) => Buffer.from(JSON.stringify(object)).toString('base64url');
  const nowS = Math.floor(Date.now() / 1000);
  const claims = { sub: player, scope: 'play', aud: 'duskline', iat: nowS, exp: nowS + 3600 };
  const signed = `${part({ alg: 'HS256', typ: 'JWT' })}.${part(claims)}`;
  return `${signed}.${createHmac('sha256', process.env.DUSKLINE_AUTH_SECRET ?? '')
    .update(signed)
    .digest('base64url')}`;
}

/** One visit of a player at its scheduled time. Resolves with the outcome and the time until it was known. */
function visit(player, dueMs) {
  return new Promise((resolve) => {
    let outcome = 'unanswered';
    let tookMs = GIVE_UP_MS;
    const socket = new WebSocket(`${url}/v1/client`, 'duskline.v1', { perMessageDeflate: false });
    const send = (frame) => socket.readyState === WebSocket.OPEN && socket.send(JSON.stringify(frame));
    const recordOutcome = (what) => {
      outcome = what;
      tookMs = performance.now() - dueMs; // from the scheduled time, so that it includes the delay of a stalled broker
    };
    const requestId = randomUUID();
    const handlers = {
      welcome({ regions }) {
        const rtt = Object.fromEntries(regions.map(({ region }, i) => [region, 10 + 5 * i]));
        send({ type: 'play', requestId, title, rtt });
      },
      offer: () => send({ type: 'accept', requestId }),
      matched({ sessionId }) {
        recordOutcome('matched');
        setTimeout(() => send({ type: 'end', sessionId }), SESSION_MS);
      },
      session: ({ state }) => state === 'ended' && socket.close(1000),
      error({ code }) {
        if (outcome !== 'matched') recordOutcome(code);
        socket.close(1000);
      },
    };
    socket.on('open', () => send({ type: 'hello', token: tokenOf(player), device }));
    socket.on('message', (data) => {
      const frame = JSON.parse(data.toString());
      if (Object.hasOwn(handlers, frame.type)) handlers[frame.type](frame); // unknown types are ignored
    });
    socket.on('error', (error) => outcome === 'unanswered' && recordOutcome(error.message));
    const timer = setTimeout(() => socket.terminate(), GIVE_UP_MS);
    socket.on('close', () => {
      clearTimeout(timer);
      resolve({ outcome, tookMs });
    });
  });
}

// The schedule is computed first and does not depend on the answers (a Poisson process: gaps are exponential).
const startMs = performance.now() + 100;
const visits = [];
for (
  let atMs = 0;
  atMs < Number(seconds) * 1000;
  atMs -= (Math.log(1 - Math.random()) / Number(rate)) * 1000
) {
  const dueMs = startMs + atMs;
  const player = `plain-${process.pid}-${visits.length}`;
  const later = new Promise((resolve) => setTimeout(resolve, dueMs - performance.now()));
  visits.push(later.then(() => visit(player, dueMs)));
}
const results = await Promise.all(visits);
const counts = {};
for (const { outcome } of results) counts[outcome] = (counts[outcome] ?? 0) + 1;
// Players without an answer count with `GIVE_UP_MS`.
const times = results.map(({ tookMs }) => tookMs).sort((a, b) => a - b);
const percentile = (p) => times[Math.min(times.length - 1, Math.floor((times.length * p) / 100))]?.toFixed(1);
console.log(JSON.stringify({ offered: results.length, ...counts, p50: percentile(50), p99: percentile(99) }));
