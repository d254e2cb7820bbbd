import { CommandFailure } from '@duskline/server/cli/output/command-failure.js';
import {
  TARGET_KINDS,
  describeTarget,
  parseTarget,
  type TargetKind,
} from '@duskline/server/cli/arguments/target-argument.js';
import { expect } from 'chai';

describe('The target of an order on the command line', () => {
  it('is a region, a pool or a host, with the names above it', () => {
    expect(parseTarget('region', 'eu-west')).to.deep.equal({ region: 'eu-west', pool: null, hostId: null });
    expect(parseTarget('pool', 'eu-west/console-x')).to.deep.equal({
      region: 'eu-west',
      pool: 'console-x',
      hostId: null,
    });
    expect(parseTarget('host', 'eu-west/console-x/host-1')).to.deep.equal({
      region: 'eu-west',
      pool: 'console-x',
      hostId: 'host-1',
    });
  });

  it('is described in the form in which it is ordered', () => {
    const names = ['eu-west', 'eu-west/console-x', 'eu-west/console-x/host-1'];
    TARGET_KINDS.forEach((kind, i) => {
      expect(describeTarget(parseTarget(kind, names[i]!))).to.equal(`${kind} ${names[i]}`);
    });
  });

  const mistakes: [TargetKind, string, string][] = [
    [
      'region',
      'eu-west/console-x',
      'is not the name of a region. It must have the form REGION, such as eu-west.',
    ],
    [
      'pool',
      'console-x',
      'is not the name of a pool. It must have the form REGION/POOL, such as eu-west/console-x.',
    ],
    [
      'host',
      'host-1',
      '"host-1" is not the name of a host. It must have the form REGION/POOL/HOST, such as eu-west/console-x/host-1.',
    ],
    ['host', 'a/b/c/d', 'is not the name of a host. It must have the form REGION/POOL/HOST'],
    ['region', 'EU-West', '"EU-West" is not a valid name'],
    ['region', '', '"" is not a valid name'],
    ['pool', 'eu-west/', '"" is not a valid name'],
    ['pool', 'eu-west/-x', '"-x" is not a valid name'],
  ];
  for (const [kind, name, message] of mistakes) {
    it(`refuses ${kind} "${name}"`, () => {
      expect(() => parseTarget(kind, name)).to.throw(CommandFailure, message);
    });
  }
});
