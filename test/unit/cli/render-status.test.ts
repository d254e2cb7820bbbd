import { toStoreMs } from '@duskline/server/domain/store-time.js';
import type { FleetStatus, HostStatus } from '@duskline/server/broker/operations/fleet-status.js';
import { renderStatus } from '@duskline/server/cli/fleet/status-command.js';
import { CLOSURES } from '@duskline/server/domain/closure.js';
import { expect } from 'chai';

function host(hostId: string, change: Partial<HostStatus> = {}): HostStatus {
  return {
    hostId,
    state: 'ready',
    closures: [],
    failures: null,
    slots: 8,
    sessions: 4,
    congestion: 0.5,
    measured: 0.4,
    endpoint: `wss://${hostId}.example.com/stream`,
    ...change,
  };
}

function fleet(hostList: readonly HostStatus[], waiting = 0): FleetStatus {
  const counts = { hosts: hostList.length, readyHosts: hostList.length, waiting, hottest: 0.95 };
  const pool = { pool: 'console-x', ...counts, slots: 8 * hostList.length, sessions: 4 * hostList.length };
  const region = { region: 'near', name: 'Near', state: 'open', timeZone: 'Europe/Berlin', waiting } as const;
  return {
    brokerId: 'b1',
    store: 'memory',
    waiting,
    regions: [{ ...region, pools: [{ ...pool, hostList }] }],
  };
}

describe('The fleet in the terminal', () => {
  it('has a line for every pool, and on request for every host', () => {
    const status = fleet([host('h1'), host('h2', { closures: ['hot'], congestion: 0.95, measured: 0.95 })]);
    const pools = [
      'broker b1, store memory',
      '',
      'region  state  pool       ready  slots  in use                      hottest  waiting',
      'near    open   console-x  2/2    8/16   ██████████░░░░░░░░░░  50 %   95 %    0',
      '',
    ];
    expect(renderStatus(status)).to.equal(pools.join('\n'));
    const hosts = [
      '',
      'host               state       slots  congestion  measured  endpoint',
      'near/console-x/h1  ready       4/8     50 %        40 %     wss://h1.example.com/stream',
      'near/console-x/h2  ready, hot  4/8     95 %        95 %     wss://h2.example.com/stream',
      '',
    ];
    expect(renderStatus(status, { hosts: true })).to.equal([...pools.slice(0, -1), ...hosts].join('\n'));
  });

  it('says how many players wait below the table, which counts a player in several pools', () => {
    const pools = ['console-x', 'pc-ultra'];
    const [region] = fleet([host('h1')], 3).regions;
    const [pool] = region!.pools;
    const regions = [{ ...region!, pools: pools.map((name) => ({ ...pool!, pool: name })) }];
    const text = renderStatus({ ...fleet([], 3), regions });
    expect(text.match(/ 3$/gm)).to.have.length(2);
    expect(text).to.match(/\n\n3 players wait\. [^\n]+\.\n$/);
    expect(renderStatus({ ...fleet([], 1), regions })).to.include('\n\n1 player waits. ');
    expect(renderStatus(fleet([host('h1')]))).to.not.match(/players? waits?\b/);
  });

  it('shows behind its state why a host accepts no new session', () => {
    const closed = [...CLOSURES.map((closure) => [closure]), ['cordoned', 'draining'] as const];
    const hosts = [[], ...closed].map((closures, i) => host(`h-${i}`, { closures, state: 'suspect' }));
    const shown = [...renderStatus(fleet(hosts), { hosts: true }).matchAll(/h-\w+ +(suspect.*?) {2}/g)];
    expect(shown.map(([, state]) => state)).to.deep.equal([
      'suspect',
      'suspect, cordoned',
      'suspect, draining',
      'suspect, failing',
      'suspect, hot',
      'suspect, cordoned, draining',
    ]);
  });

  it('shows that a host is on trial after failures', () => {
    const failures = {
      count: 2,
      reason: 'refused',
      untilMs: toStoreMs(5_000),
      countedUntilMs: toStoreMs(0),
    } as const;
    const hosts = [host('h1', { failures }), host('h2', { failures, closures: ['failing'] })];
    const shown = [...renderStatus(fleet(hosts), { hosts: true }).matchAll(/h\d +(ready.*?) {2}/g)];
    expect(shown.map(([, state]) => state)).to.deep.equal(['ready, on trial', 'ready, failing']);
  });

  it('has a line for an empty fleet', () => {
    expect(renderStatus({ brokerId: 'b1', store: 'redis', waiting: 0, regions: [] })).to.match(
      /^broker b1, store redis\n\nNo host has registered yet\./,
    );
  });
});
