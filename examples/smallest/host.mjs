import { createServer } from 'node:http';
import { createHost } from '@duskline/host';

const port = Number(process.env.PORT ?? 9000);
const host = createHost({
  url: process.env.BROKER ?? 'ws://127.0.0.1:8080',
  token: process.env.HOST_TOKEN,
  hostId: 'my-first-host',
  region: 'eu-west',
  pool: 'console-x',
  slots: 8,
  endpoint: `http://127.0.0.1:${port}`, // clients connect here, not to the broker
  measureLoad: () => ({ gpu: 0.4, encoder: 0.3, cpu: 0.2, network: 0.1 }),
});

// Stands for a streaming server. The host verifies the ticket without contacting the broker.
createServer((request, response) => {
  const admission = host.admit(request.headers.authorization);
  if (!admission.ok) return response.writeHead(403).end(admission.reason);
  admission.session.reportConnected();
  response.end(`streaming ${admission.session.title}`);
}).listen(port);

await host.whenRegistered();
console.log('registered');
