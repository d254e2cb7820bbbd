import { parseFault } from '@duskline/loadtest/plan/faults.js';
import { validateFaults, validateFaultRegions } from '@duskline/loadtest/run/validate-run.js';
import type { RunOptions } from '@duskline/loadtest/run/run-options.js';
import { expect } from 'chai';

const REGIONS = ['eu-west', 'eu-central', 'us-east'].map((region) => ({ region }));

function run(fault: string, more: Partial<RunOptions> = {}): RunOptions {
  return {
    system: { kind: 'url', urls: [], title: 'starfall' },
    ...{ profile: 'steady', durationMs: 10_000, hosts: 2 },
    faults: [parseFault(fault)],
    ...more,
  } as RunOptions;
}

const spawn = { kind: 'spawn' } as RunOptions['system'];

describe('A fault is refused before the run', () => {
  it('when it would come after the load, unless the duration of the load is open', () => {
    const late = run('kill-broker@10s', { system: spawn });
    expect(() => validateFaults(late)).to.throw(
      /kill-broker@10s: the load ends after 10 s, before this fault\./,
    );
    expect(() => validateFaults({ ...late, profile: 'step' })).not.to.throw();
    expect(() => validateFaults(run('kill-broker@9s', { system: spawn }))).not.to.throw();
  });

  it('when its region does not exist, or has no host of the run', () => {
    expect(() => validateFaultRegions(run('drain:mars@1s'), REGIONS)).to.throw(
      /there is no region mars\. Use one of: eu-west, eu-central, us-east\./,
    );
    expect(() => validateFaultRegions(run('kill-host:us-east@1s'), REGIONS)).to.throw(
      /none of the run's 2 hosts is in us-east/,
    );
    expect(() => validateFaultRegions(run('kill-host:eu-central@1s'), REGIONS)).not.to.throw();
    expect(() => validateFaultRegions(run('drain:us-east@1s'), REGIONS)).not.to.throw();
    expect(() => validateFaultRegions(run('kill-host@1s'), REGIONS)).not.to.throw();
  });
});
