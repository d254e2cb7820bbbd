import { parsePs, parseProcStat, readProcessUsage } from '@duskline/loadtest/fleet/process-usage.js';
import { expect } from 'chai';

describe('The resource usage of a process', () => {
  it('is parsed from /proc, whatever the name of the process', () => {
    const fields = [
      ...Array.from({ length: 11 }, () => '0'),
      '150',
      '50',
      ...Array.from({ length: 7 }, () => '0'),
    ];
    const { cpuMs, memoryBytes } = parseProcStat(
      `77 (a) b (c) S ${[...fields.slice(1), '0', '2560', '0'].join(' ')}`,
    );
    expect({ cpuMs, memoryBytes }).to.deep.equal({ cpuMs: 2_000, memoryBytes: 10 * 1_048_576 });
  });

  it('is parsed from the output of ps', () => {
    expect(parsePs('  2048   0:12.50\n')).to.deep.equal({ cpuMs: 12_500, memoryBytes: 2_097_152 });
    expect(parsePs('2048 1-01:00:01')).to.include({ cpuMs: 90_001_000 });
    expect(parsePs('')).to.equal(undefined);
  });

  it('is available for this process, and not for one that does not exist', async () => {
    const usage = await readProcessUsage(process.pid);
    expect(usage?.memoryBytes).to.be.closeTo(process.memoryUsage.rss(), 64 * 1_048_576);
    expect(usage?.cpuMs).to.be.above(0);
    expect(await readProcessUsage(2 ** 22 + 1)).to.equal(undefined);
  });
});
