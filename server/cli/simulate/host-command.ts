import type { Command } from 'commander';
import type { ConnectionFailure } from '@duskline/host';
import { createSimulatedHost, createStreamServer } from '@duskline/host/simulated';
import { resolveToken } from '../tokens/token-source.js';
import { waitForSignal } from '../wait-for-signal.js';
import { wholeNumberArgument } from '../arguments/whole-number.js';

interface HostCommandOptions {
  readonly url: string[];
  readonly token?: string;
  readonly region: string;
  readonly pool: string;
  readonly id: string;
  readonly count: number;
  readonly slots: number;
  readonly streamHost: string;
  readonly streamPort: number;
  readonly streamName?: string;
}

const EXAMPLES = `
The token needs the scope host for this region and pool. Give it with --token or in DUSKLINE_TOKEN. If
DUSKLINE_AUTH_SECRET is set, the command signs a token itself.

Examples:
  $ duskline host --region eu-west --pool console-x
  $ duskline host --region us-east --pool pc-ultra --count 10 --slots 8
  $ duskline host --url ws://broker-a:8080 ws://broker-b:8080 --region eu-west --pool console-x`;

/** Adds `duskline host`, which runs simulated hosts until SIGINT or SIGTERM; then they leave the fleet. */
export function addHostCommand(program: Command): void {
  program
    .command('host')
    .summary('run simulated hosts')
    .description('Runs one simulated streaming host, or several, until SIGINT or SIGTERM.')
    .option('--url <urls...>', 'URLs of the brokers, tried in turn', ['ws://127.0.0.1:8080'])
    .option('--token <token>', 'host token')
    .requiredOption('--region <region>', 'region of the hosts')
    .requiredOption('--pool <pool>', 'pool of the hosts')
    .option('--id <id>', 'id of the host; with --count a number is appended', 'sim')
    .option('--count <hosts>', 'number of hosts', wholeNumberArgument(1, 1_000), 1)
    .option('--slots <slots>', 'slots of each host', wholeNumberArgument(1, 512), 4)
    .option('--stream-host <address>', 'address on which the hosts serve streams', '127.0.0.1')
    .option(
      '--stream-port <port>',
      'port on which the hosts serve streams; 0 takes any free port',
      wholeNumberArgument(0, 65_535),
      0,
    )
    .option('--stream-name <name>', 'host name at which clients reach the streams (default: the address)')
    .addHelpText('after', EXAMPLES)
    .action(runHosts);
}

async function runHosts(options: HostCommandOptions): Promise<void> {
  const { url, region, pool, count, slots, streamHost, streamPort, streamName } = options;
  const token = resolveToken(options.token, process.env, { kind: 'host', region, pool });
  const streams = await createStreamServer({
    hostname: streamHost,
    port: streamPort,
    ...(streamName === undefined ? {} : { publicHostname: streamName }),
  });
  const hosts = Array.from({ length: count }, (_, i) => {
    const hostId = count === 1 ? options.id : `${options.id}-${i + 1}`;
    const simulated = createSimulatedHost({ url, token, hostId, region, pool, slots, streams });
    simulated.host.on('status', (status) => {
      const why = 'failure' in status ? ` (${describeConnectionFailure(status.failure)})` : '';
      process.stdout.write(`${region}/${pool}/${hostId} ${status.state}${why}\n`);
    });
    return simulated;
  });
  try {
    // A host that a broker rejects permanently ends the command. While no broker is reachable, hosts continue to connect.
    await Promise.race([
      waitForSignal(),
      Promise.all(hosts.map(({ host }) => host.whenRegistered())).then(waitForSignal),
    ]);
  } finally {
    await Promise.all(hosts.map((simulated) => simulated.leave()));
    await streams.close();
  }
}

function describeConnectionFailure(failure: ConnectionFailure): string {
  switch (failure.kind) {
    case 'closed':
      return `the broker closed the connection with ${failure.errorCode ?? failure.closeCode}`;
    case 'not_registered':
      return `the broker answered ${failure.errorCode}`;
    case 'upgrade_refused':
      return `the broker answered HTTP ${failure.httpStatus}`;
    case 'network':
      return failure.detail;
    case 'token':
      return 'no token is available';
    case 'deadline':
      return 'the broker did not answer in time';
    case 'silence':
      return 'the broker stopped sending';
    case 'bad_ticket_key':
      return 'the broker sent an invalid ticket key';
  }
}
