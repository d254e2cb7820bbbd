import { randomBytes } from 'node:crypto';
import { secretKeyFrom } from '@duskline/server/auth/key-material.js';
import { createTokenVerifier } from '@duskline/server/auth/token-verifier.js';
import { addTokenCommand } from '@duskline/server/cli/tokens/token-command.js';
import { systemClock } from '@duskline/server/runtime/system-runtime.js';
import { expect } from 'chai';
import { Command, CommanderError } from 'commander';
import jwt from 'jsonwebtoken';
import { EC, pemOf, publicConfig, secretConfig } from './keys.js';

const SECRET = randomBytes(32).toString('base64');
const verifier = createTokenVerifier(secretConfig(secretKeyFrom(Buffer.from(SECRET))), {
  clock: systemClock,
});

interface Run {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number;
}

function run(args: readonly string[], env: Record<string, string> = { DUSKLINE_AUTH_SECRET: SECRET }): Run {
  let stdout = '';
  let stderr = '';
  const program = new Command('duskline').exitOverride().configureOutput({
    writeOut: (text) => (stdout += text),
    writeErr: (text) => (stderr += text),
  });
  addTokenCommand(program, {
    env,
    write: (text) => (stdout += text),
    readFile: (path) =>
      path === 'ec.pem'
        ? { ok: true, text: pemOf(EC.privateKey) }
        : { ok: false, problem: 'cannot be read (ENOENT)' },
  });
  try {
    program.parse(['token', ...args], { from: 'user' });
    return { stdout, stderr, exitCode: 0 };
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return { stdout, stderr, exitCode: error.exitCode };
  }
}

describe('duskline token', () => {
  it('prints a player token and nothing else', async () => {
    const { stdout, stderr, exitCode } = run(['--player', 'alice']);
    expect({ stderr, exitCode }).to.deep.equal({ stderr: '', exitCode: 0 });
    expect(stdout).to.match(/^[\w-]+\.[\w-]+\.[\w-]+\n$/);
    const result = await verifier.verify('player', stdout.trim());
    expect(result.ok && result.principal.playerId).to.equal('alice');
  });

  it('includes the tier of the player', async () => {
    const { stdout } = run(['--player', 'alice', '--tier', 'gold']);
    const result = await verifier.verify('player', stdout.trim());
    expect(result.ok && result.principal.tier).to.equal('gold');
  });

  it('prints host and operator tokens', async () => {
    const host = run(['--host', '--region', 'eu-west', '--pool', 'console-x', '--host-id', 'h1']);
    const hostResult = await verifier.verify('host', host.stdout.trim());
    expect(hostResult.ok && hostResult.principal).to.include({ region: 'eu-west', hostId: 'h1' });
    const operator = run(['--operator', 'olivia', '--scope', 'ops:read ops:write']);
    const operatorResult = await verifier.verify('operator', operator.stdout.trim());
    expect(operatorResult.ok && operatorResult.principal.scopes).to.deep.equal(['ops:read', 'ops:write']);
  });

  it('signs with a key file, issuer, key id and lifetime', async () => {
    const { stdout } = run(
      ['--player', 'alice', '--ttl', '15m', '--key', 'ec.pem', '--issuer', 'dev', '--key-id', 'k1'],
      {},
    );
    const { header, payload } = jwt.decode(stdout.trim(), { complete: true })!;
    const { iss, iat, exp } = payload as jwt.JwtPayload;
    expect(header).to.include({ alg: 'ES256', kid: 'k1' });
    expect({ iss, ttlS: exp! - iat! }).to.deep.equal({ iss: 'dev', ttlS: 900 });
    const ec = createTokenVerifier(publicConfig('ES256', EC.publicKey), { clock: systemClock });
    expect((await ec.verify('player', stdout.trim())).ok).to.be.true;
  });

  it('says which variable to set when there is no key', () => {
    const { stdout, stderr, exitCode } = run(['--player', 'alice'], {});
    expect({ stdout, exitCode }).to.deep.equal({ stdout: '', exitCode: 2 });
    expect(stderr).to.include('Set DUSKLINE_AUTH_SECRET').and.include('--key FILE');
  });

  const mistakes: [string[], string][] = [
    [[], 'The subject of the token is missing'],
    [['--player', 'a', '--host'], 'cannot be used with'],
    [['--player', 'a', '--operator', 'b'], 'cannot be used with'],
    [['--host', '--operator', 'b'], 'cannot be used with'],
    [['--host', '--region', 'eu-west'], '--host needs --region and --pool'],
    [['--host', '--region', 'EU', '--pool', 'x'], 'lower-case'],
    [['--player', 'a', '--region', 'eu-west'], '--region, --pool and --host-id need --host'],
    [['--operator', 'b', '--tier', 'gold'], '--tier needs --player'],
    [['--player', 'a', '--tier', 'Gold'], 'lower-case'],
    [['--player', 'a', '--scope', 'ops:read'], '--scope needs --operator'],
    [['--operator', 'b', '--scope', 'ops:all'], '--scope "ops:all" is not valid'],
    [['--operator', 'b', '--scope', ' '], '--scope " " is not valid'],
    [['--player', 'a b'], 'id must consist of'],
    [['--player', 'a', '--ttl', '1'], '--ttl "1" is not a duration'],
    [['--player', 'a', '--ttl', '0s'], 'between 1s and 30d'],
    [['--player', 'a', '--ttl', '31d'], 'between 1s and 30d'],
    [['--player', 'a', '--key', 'gone.pem'], 'gone.pem cannot be read (ENOENT)'],
  ];
  for (const [args, message] of mistakes) {
    it(`refuses "${args.join(' ')}"`, () => {
      const { stdout, stderr, exitCode } = run(args);
      expect(stdout).to.equal('');
      expect(stderr).to.include(message);
      expect(exitCode).to.be.greaterThan(0);
    });
  }

  it('refuses a weak secret without printing it', () => {
    const { stderr } = run(['--player', 'alice'], { DUSKLINE_AUTH_SECRET: 'hunter2' });
    expect(stderr).to.include('DUSKLINE_AUTH_SECRET has 7 bytes').and.not.include('hunter2');
  });

  it('shows examples in its help', () => {
    const { stdout } = run(['--help']);
    expect(stdout).to.include('duskline token --player alice --ttl 1h').and.include('DUSKLINE_AUTH_SECRET');
  });
});
