import { createClient } from '@duskline/client';
import { askToAccept, clear, markRegion, show, showError, showRegions, showStatus } from './view.js';

const form = document.querySelector('form');
const playButton = document.getElementById('play');
const leaveButton = document.getElementById('leave');

form.addEventListener('submit', async (event) => {
  event.preventDefault();
  const { url, token, title, ask } = Object.fromEntries(new FormData(form));
  const leaving = new AbortController();
  leaveButton.onclick = () => leaving.abort();
  playButton.disabled = true;
  leaveButton.disabled = false;
  clear();
  try {
    await play({ url, token, title, ask, signal: leaving.signal });
  } catch (error) {
    show('match', 'none');
    if (error.name !== 'AbortError') showError(error);
  } finally {
    playButton.disabled = false;
    leaveButton.disabled = true;
  }
});

/** Connects, plays and watches until the session ends. An abort of `signal` leaves at any step. */
async function play({ url, token, title, ask, signal }) {
  const device = { kind: 'browser', codecs: ['av1', 'vp9', 'h264'], maxResolution: '1440p', maxFps: 60 };
  const client = createClient({ url, token, device });
  let regions = [];
  client.on('status', (status) => {
    showStatus(status);
    if (status.state === 'ready') regions = status.regions;
  });
  try {
    show('match', 'measuring the regions');
    const rtt = await client.measureRegions({ signal });
    showRegions(rtt, regions);
    show('match', 'waiting for a slot');
    const session = await client.play({
      title,
      rtt,
      signal,
      onQueued: ({ position, region, etaMs }) => {
        const eta = etaMs ? `, up to ${Math.ceil(etaMs.high / 1_000)} s` : '';
        show('match', `waiting for a slot: position ${position} in the queue of ${region}${eta}`);
      },
      onOffer: ask ? askToAccept : undefined, // without it the SDK accepts every offer
      retry: { maxWaitMs: 60_000 }, // while the queue is full
    });
    show('session', `ended: ${await watch(session, signal)}`);
  } finally {
    await client.close();
  }
}

/** Streams until the session ends. Resolves with the end reason. */
async function watch(session, signal) {
  let stream;
  const start = () => {
    stream?.close();
    stream = connectToHost(session);
    show('match', `${session.host.hostId} in ${session.region}`);
    show('reason', session.reason);
    show('session', session.state);
    markRegion(session.region);
  };
  const leave = () => {
    if (stream.readyState === WebSocket.OPEN) stream.send(JSON.stringify({ type: 'bye' }));
    session.end().catch(showError);
  };

  session.on('state', (state) => show('session', state));
  session.on('replaced', start); // the host was lost, and the session has a new one
  session.on('limit', ({ kind, endsAtMs }) => {
    show('limit', endsAtMs === null ? 'none' : `${kind}, at ${new Date(endsAtMs).toLocaleTimeString()}`);
  });
  start();
  signal.addEventListener('abort', leave);
  if (signal.aborted) leave();
  try {
    return await session.ended;
  } finally {
    stream.close();
  }
}

/** Connects to the stream of a simulated host, whose frames are numbers. The stream does not depend on the broker. */
function connectToHost(session) {
  const socket = new WebSocket(session.host.endpoint);
  socket.onopen = () => socket.send(JSON.stringify({ type: 'ticket', ticket: session.ticket }));
  socket.onmessage = ({ data }) => {
    const message = JSON.parse(data);
    if (message.type === 'refused') showError(new Error(`The host refused the ticket: ${message.reason}`));
    if (message.type === 'frame') show('frames', message.n);
  };
  return socket;
}
