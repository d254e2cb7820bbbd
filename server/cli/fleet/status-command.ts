import type { Command } from 'commander';
import type { FleetStatus, HostStatus } from '../../broker/operations/fleet-status.js';
import { addOperatorOptions, createOperatorClient, type OperatorOptions } from './operator-client.js';
import { renderBar, formatPercent, renderTable } from '../output/text-table.js';

interface StatusOptions extends OperatorOptions {
  readonly hosts?: true;
  readonly json?: true;
}

const EXAMPLES = `
The column waiting has the players in the queue of the pool. A player may be in the queues of several pools: the number of
players who wait is below the table, and with --json in the field waiting of the answer and of each region.

With --hosts, the state of a host also shows why it takes no new sessions: cordoned and draining are orders of operators; hot
means that the host is overloaded and gets no new sessions until its load has fallen; failing means that the host failed new
sessions and is excluded for a while. A host on trial failed before, and gets one session at a time until one succeeds.

The token needs the scope ops:read. Give it with --token or in DUSKLINE_TOKEN.

Examples:
  $ duskline status --token "$(duskline token --operator me)"
  $ duskline status --url http://broker.example.com:8080 --hosts
  $ duskline status --json | jq '.regions[].pools[].sessions'
  $ duskline status --json | jq '.waiting, (.regions[] | {region, waiting})'
  $ duskline status --json | jq -r '.regions[].pools[].hostList[] | select(.closures | index("hot")) | .hostId'`;

/** Adds `duskline status`, which shows regions, hosts and congestion, as a broker sees them. */
export function addStatusCommand(program: Command): void {
  const command = program
    .command('status')
    .summary('show the fleet')
    .description('Shows regions, hosts and congestion, as a broker sees them.');
  addOperatorOptions(command)
    .option('--hosts', 'list every host')
    .option('--json', 'print the answer as JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (options: StatusOptions) => {
      const status = await createOperatorClient(options).get<FleetStatus>('/v1/status');
      process.stdout.write(
        options.json === true ? `${JSON.stringify(status)}\n` : renderStatus(status, options),
      );
    });
}

/** A table with a line for each pool of a region, below it the number of players who wait, and with `hosts` a table with a line for each host. */
export function renderStatus(status: FleetStatus, { hosts }: Pick<StatusOptions, 'hosts'> = {}): string {
  const rows = status.regions.flatMap(({ region, state, pools }) =>
    pools.map((pool) => {
      const used = pool.slots === 0 ? 0 : pool.sessions / pool.slots;
      return [
        region,
        state,
        pool.pool,
        `${pool.readyHosts}/${pool.hosts}`,
        `${pool.sessions}/${pool.slots}`,
        `${renderBar(used, 20)} ${formatPercent(used)}`,
        formatPercent(pool.hottest),
        String(pool.waiting),
      ];
    }),
  );
  const head = ['region', 'state', 'pool', 'ready', 'slots', 'in use', 'hottest', 'waiting'];
  const summary =
    rows.length === 0
      ? 'No host has registered yet. To start simulated hosts: duskline host --help\n'
      : `${renderTable(head, rows)}${renderWaiting(status)}`;
  return `broker ${status.brokerId}, store ${status.store}\n\n${summary}${hosts === true ? renderHosts(status) : ''}`;
}

/** The number of players who wait, which is not the sum of the column: a player may wait in several pools. Empty for nobody. */
function renderWaiting({ waiting }: FleetStatus): string {
  if (waiting === 0) return '';
  const who = waiting === 1 ? '1 player waits.' : `${waiting} players wait.`;
  return `\n${who} The table counts a player once for every pool in whose queue the player is.\n`;
}

/** The state of a host, and why it takes no new sessions. */
function describeState({ state, closures, failures }: HostStatus): string {
  const isOnTrial = failures !== null && !closures.includes('failing');
  return [state, ...closures, ...(isOnTrial ? ['on trial'] : [])].join(', ');
}

function renderHosts(status: FleetStatus): string {
  const rows = status.regions.flatMap(({ region, pools }) =>
    pools.flatMap(({ pool, hostList }) =>
      hostList.map((host: HostStatus) => [
        `${region}/${pool}/${host.hostId}`,
        describeState(host),
        `${host.sessions}/${host.slots}`,
        formatPercent(host.congestion),
        formatPercent(host.measured),
        host.endpoint,
      ]),
    ),
  );
  return `\n${renderTable(['host', 'state', 'slots', 'congestion', 'measured', 'endpoint'], rows)}`;
}
