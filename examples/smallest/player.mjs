import { createClient } from '@duskline/client/node'; // in a browser: '@duskline/client'

const client = createClient({
  url: process.env.BROKER ?? 'ws://127.0.0.1:8080',
  token: process.env.PLAYER_TOKEN,
  device: { kind: 'pc', codecs: ['hevc', 'h264'], maxResolution: '1080p' },
});

const session = await client.play({ title: 'starfall' }); // measures the regions, and waits in a queue while all slots are taken
console.log(`${session.host.hostId}: ${session.reason}`);

const stream = await fetch(session.host.endpoint, { headers: { authorization: session.ticket } });
console.log(await stream.text());

await session.end();
await client.close();
