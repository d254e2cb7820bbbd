import { createClient } from '@duskline/client';
import { askToTake, clear, markRegion, show, showError, showRegions, showStatus } from './view.js';

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

/** Connects, plays, and returns after the end of the session. Aborting `signal` leaves at any stage. */
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
        show('match', `waiting for a slot: number ${position} in the queue of ${region}${eta}`);
      },
      onOffer: ask ? askToTake : undefined, // without it every offer is accepted at once
      retry: { maxWaitMs: 60_000 }, // retry while the queue is full
    });
    show('session', `ended: ${await watch(session, signal)}`);
  } finally {
    await client.close();
  }
}

/** Streams until the session ends. Returns the reason. */
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
  session.on('replaced', start); // the host was lost; the session has another one
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

/** Connects to a simulated host, which streams numbers instead of video. The stream does not need the broker. */
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
