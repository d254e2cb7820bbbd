import { PingMonitor, type MonitoredConnection } from '@duskline/server/transport/ping-monitor.js';
import { expect } from 'chai';
import { ManualClock } from '../../support/time/manual-clock.js';

class Connection implements MonitoredConnection {
  missedPings = 0;
  pings = 0;
  isTerminated = false;

  ping(): void {
    this.pings += 1;
  }

  terminate(): void {
    this.isTerminated = true;
  }
}

describe('The monitor of pings', () => {
  let clock: ManualClock;
  let monitor: PingMonitor;
  let connection: Connection;
  beforeEach(() => {
    clock = new ManualClock();
    monitor = new PingMonitor({ intervalMs: 15_000, maxMissed: 2 }, clock);
    connection = new Connection();
    monitor.watch(connection);
  });

  it('pings every connection at the interval', () => {
    clock.advance(14_999);
    expect(connection.pings).to.equal(0);
    for (let pings = 1; pings <= 10; pings += 1) {
      clock.advance(pings === 1 ? 1 : 15_000);
      expect(connection.pings).to.equal(pings);
      connection.missedPings = 0;
    }
    expect(connection.isTerminated).to.equal(false);
  });

  it('terminates a connection that answers no ping, one interval after the last one that it may miss', () => {
    clock.advance(44_999);
    expect(connection).to.include({ pings: 2, isTerminated: false });
    clock.advance(1);
    expect(connection).to.include({ pings: 2, isTerminated: true });
  });

  it('leaves no timer when it is stopped', () => {
    clock.advance(15_000);
    monitor.stop();
    expect(clock.pending).to.equal(0);
  });
});
