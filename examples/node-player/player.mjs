// A player on a console or PC: requests a slot from the broker, then streams from the host.
//
//   node examples/node-player/player.mjs ws://localhost:8080 <token> <title>
//
// URL, TOKEN and TITLE may come from the environment instead. Ctrl-C leaves the queue or ends the session.
/* global AbortController */
import { createClient, DusklineError } from '@duskline/client/node';
import { WebSocket } from 'ws';

const [url = process.env.URL, token = process.env.TOKEN, title = process.env.TITLE] = process.argv.slice(2);
if (!url || !token || !title) {
  console.error('Usage: node player.mjs <broker url> <token> <title>');
  process.exit(2);
}

const client = createClient({
  url,
  token,
  device: { kind: 'pc', codecs: ['av1', 'hevc', 'h264'], maxResolution: '2160p', maxFps: 120 },
});
client.on('status', (status) => {
  const why = status.error ? ` (${status.error.code})` : '';
  console.log(`broker: ${status.state}${why}`);
});

const leaving = new AbortController();
process.once('SIGINT', () => leaving.abort());

try {
  const rtt = await client.measureRegions({ signal: leaving.signal });
  for (const [region, ms] of Object.entries(rtt)) console.log(`region ${region}: ${ms} ms`);

  const session = await client.play({
    title,
    rtt,
    signal: leaving.signal,
    onQueued: ({ position, region, etaMs }) => {
      const eta = etaMs ? `, ${seconds(etaMs.low)} to ${seconds(etaMs.high)} s to go` : '';
      console.log(`waiting: number ${position} in the queue of ${region}${eta}`);
    },
    // This program accepts every offer. A console would ask its player, until `signal` aborts.
    onOffer: ({ region, acceptWithinMs }) => {
      console.log(`offered: a slot in ${region}, for ${seconds(acceptWithinMs)} s; taking it`);
      return true;
    },
    retry: { maxWaitMs: 60_000 }, // retry while the queue is full
  });
  const { codec, resolution, fps } = session.stream;
  console.log(`matched: ${session.host.hostId} in ${session.region}, ${resolution} ${codec} at ${fps} fps`);
  console.log(`because: ${session.reason}`);
  session.on('state', (state) => console.log(`session: ${state}`));
  session.on('limit', ({ kind, endsAtMs }) => {
    const end = endsAtMs === null ? 'no longer' : `at ${new Date(endsAtMs).toLocaleTimeString()}`;
    console.log(`session: ends ${end} (${kind})`);
  });

  let stream = connectToHost(session);
  session.on('replaced', ({ hostId }) => {
    console.log(`session: its host was lost, it goes on at ${hostId}`);
    stream.close();
    stream = connectToHost(session);
  });
  leaving.signal.addEventListener('abort', () => {
    if (stream.readyState === WebSocket.OPEN) stream.send(JSON.stringify({ type: 'bye' }));
    session.end().catch((error) => console.error(`end: ${error.message}`));
  });
  console.log(`over: ${await session.ended}`);
  stream.close();
} catch (error) {
  if (!(error instanceof DusklineError)) throw error;
  console.error(`${error.code}: ${error.message}`);
  process.exitCode = 1;
} finally {
  await client.close();
}

function seconds(ms) {
  return Math.round(ms / 1_000);
}

/** Connects to a simulated host, which streams numbers instead of video. The stream does not need the broker. */
function connectToHost(session) {
  const socket = new WebSocket(session.host.endpoint);
  socket.on('open', () => socket.send(JSON.stringify({ type: 'ticket', ticket: session.ticket })));
  socket.on('message', (data) => {
    const message = JSON.parse(data.toString());
    if (message.type === 'admitted') console.log('host: admitted');
    if (message.type === 'refused') console.error(`host: refused, ${message.reason}`);
    if (message.type === 'frame') console.log(`host: frame ${message.n}`);
  });
  socket.on('close', () => console.log('host: closed'));
  socket.on('error', (error) => console.error(`host: ${error.message}`));
  return socket;
}
