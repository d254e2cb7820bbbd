/* global AbortController, FormData, WebSocket, document */
import { createClient } from '@duskline/client';

const form = document.querySelector('form');
const playButton = document.getElementById('play');
const leaveButton = document.getElementById('leave');

form.addEventListener('submit', async (event) => {
  event.preventDefault();
  const { url, token, title } = Object.fromEntries(new FormData(form));
  playButton.disabled = true;
  leaveButton.disabled = false;
  show('match', 'none');
  show('session', 'none');
  show('frames', 0);
  try {
    await play(url, token, title);
  } catch (error) {
    show('match', error.code ? `${error.code}: ${error.message}` : error.message);
  } finally {
    playButton.disabled = false;
    leaveButton.disabled = true;
  }
});

async function play(url, token, title) {
  const device = { kind: 'browser', codecs: ['av1', 'vp9', 'h264'], maxResolution: '1440p', maxFps: 60 };
  const client = createClient({ url, token, device });
  client.on('status', ({ state, error }) => show('status', error ? `${state} (${error.code})` : state));
  const leaving = new AbortController();
  leaveButton.onclick = () => leaving.abort();

  try {
    const rtt = await client.measureRegions({ signal: leaving.signal });
    showRegions(rtt);
    const session = await client.play({ title, rtt, signal: leaving.signal, retry: { maxWaitMs: 60_000 } });
    show('match', `${session.host.hostId} in ${session.region}. ${session.reason}`);
    show('session', session.state);
    session.on('state', (state) => show('session', state));

    const stream = connectToHost(session);
    leaveButton.onclick = () => {
      if (stream.readyState === WebSocket.OPEN) stream.send(JSON.stringify({ type: 'bye' }));
      session.end().catch((error) => show('session', error.message));
    };
    show('session', `ended: ${await session.ended}`);
    stream.close();
  } finally {
    await client.close();
  }
}

/** The stream of a simulated host: frames are numbers here. It does not depend on the broker. */
function connectToHost(session) {
  const socket = new WebSocket(session.host.endpoint);
  socket.onopen = () => socket.send(JSON.stringify({ type: 'ticket', ticket: session.ticket }));
  socket.onmessage = ({ data }) => {
    const message = JSON.parse(data);
    if (message.type === 'refused') show('session', `refused by the host: ${message.reason}`);
    if (message.type === 'frame') show('frames', message.n);
  };
  return socket;
}

function showRegions(rtt) {
  const items = Object.entries(rtt)
    .sort(([, a], [, b]) => a - b)
    .map(([region, ms]) => {
      const bar = Object.assign(document.createElement('meter'), {
        max: 200,
        high: 120,
        low: 60,
        optimum: 0,
      });
      bar.value = ms;
      const item = document.createElement('li');
      item.append(region, bar, `${ms} ms`);
      return item;
    });
  document.getElementById('regions').replaceChildren(...items);
}

function show(id, text) {
  document.getElementById(id).textContent = text;
}
