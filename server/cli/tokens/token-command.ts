import type { KeyObject } from 'node:crypto';
import { Option, type Command } from 'commander';
import type { TokenAlgorithm } from '../../auth/auth-config.js';
import { KeyMaterialError, privateKeyFrom, secretKeyFrom } from '../../auth/key-material.js';
import { createTokenSigner, type TokenRequest } from '../../auth/token-signer.js';
import { createFileReader, type FileReader } from '../../config/file-reader.js';
import { AUTH_SECRET, type Environment } from '../../config/secrets.js';
import { parseDurationMs } from '../arguments/duration.js';

/** Dependencies of the command, replaced in tests. */
export interface TokenCommandContext {
  readonly env: Environment;
  readonly write: (text: string) => void;
  readonly readFile: FileReader;
}

const OPERATOR_SCOPES = ['ops:read', 'ops:write'] as const;
type OperatorScope = (typeof OPERATOR_SCOPES)[number];

interface TokenOptions {
  readonly player?: string;
  readonly tier?: string;
  readonly host?: true;
  readonly region?: string;
  readonly pool?: string;
  readonly hostId?: string;
  readonly operator?: string;
  readonly scope?: string;
  readonly ttl: string;
  readonly key?: string;
  readonly issuer?: string;
  readonly keyId?: string;
}

const EXAMPLES = `
Examples:
  $ export ${AUTH_SECRET}="$(openssl rand -base64 48)"
  $ duskline token --player alice --ttl 1h
  $ duskline token --player bob --tier premium
  $ duskline token --host --region eu-west --pool console-x --host-id h1
  $ duskline token --operator olivia --scope "ops:read ops:write"
  $ duskline token --player alice --key private.pem --issuer https://id.example.com

The command prints the token only, to standard output. The broker needs the same secret, or the public key.`;

/** Adds `duskline token`, which signs a token for a player, a host or an operator. */
export function addTokenCommand(program: Command, context: Partial<TokenCommandContext> = {}): void {
  const {
    env = process.env,
    write = (text: string): unknown => process.stdout.write(text),
    readFile = createFileReader('.'),
  } = context;

  program
    .command('token')
    .summary('sign a token for development')
    .description('Signs a token for a player, a host or an operator, for development and tests.')
    .addOption(
      new Option('--player <id>', 'sign a token for the player with this id').conflicts(['host', 'operator']),
    )
    .option('--tier <tier>', 'tier of the player (default: "default")')
    .addOption(
      new Option('--host', 'sign a token for a streaming host; needs --region and --pool').conflicts(
        'operator',
      ),
    )
    .option('--region <region>', 'region in which the host may register')
    .option('--pool <pool>', 'pool in which the host may register')
    .option('--host-id <id>', 'the only id with which the host may register (default: any)')
    .option('--operator <id>', 'sign a token for the operator with this id')
    .option('--scope <scopes>', `scopes of the operator: ${OPERATOR_SCOPES.join(', ')} (default: "ops:read")`)
    .option('--ttl <duration>', 'validity of the token: a number and s, m, h or d', '1h')
    .option('--key <file>', `private key in PEM, P-256 or RSA (default: the secret in ${AUTH_SECRET})`)
    .option('--issuer <issuer>', 'claim "iss", if the broker requires it')
    .option('--key-id <id>', 'header "kid", if the broker selects keys by id')
    .addHelpText('after', EXAMPLES)
    .action((options: TokenOptions, command: Command) => {
      try {
        const { key, algorithm } = signingKey(options.key, env, readFile);
        const signer = createTokenSigner({
          key,
          algorithm,
          ...(options.issuer === undefined ? {} : { issuer: options.issuer }),
          ...(options.keyId === undefined ? {} : { keyId: options.keyId }),
        });
        write(`${signer.sign(requestOf(options), ttlMs(options.ttl))}\n`);
      } catch (error) {
        if (!(error instanceof UsageError || error instanceof RangeError)) throw error;
        command.error(`error: ${error.message}`, { exitCode: 2, code: 'duskline.token' });
      }
    });
}

/** A wrong option, or a missing or invalid key. */
class UsageError extends Error {
  override readonly name = 'UsageError';
}

function requestOf(options: TokenOptions): TokenRequest {
  const { player, tier, host, operator, region, pool, hostId, scope } = options;
  if (host === undefined && (region ?? pool ?? hostId) !== undefined) {
    throw new UsageError('--region, --pool and --host-id need --host.');
  }
  if (operator === undefined && scope !== undefined) {
    throw new UsageError('--scope needs --operator: the scope of players and hosts is fixed.');
  }
  if (player === undefined && tier !== undefined) throw new UsageError('--tier needs --player.');
  if (player !== undefined) {
    return { kind: 'player', playerId: player, ...(tier === undefined ? {} : { tier }) };
  }
  if (operator !== undefined) {
    return { kind: 'operator', operatorId: operator, scopes: scopesOf(scope ?? 'ops:read') };
  }
  if (host === undefined)
    throw new UsageError('The subject of the token is missing: give --player, --host or --operator.');
  if (region === undefined || pool === undefined) throw new UsageError('--host needs --region and --pool.');
  return { kind: 'host', region, pool, ...(hostId === undefined ? {} : { hostId }) };
}

function scopesOf(text: string): readonly OperatorScope[] {
  const scopes = text.split(/[\s,]+/).filter((scope) => scope !== '');
  const known = scopes.filter((scope): scope is OperatorScope =>
    OPERATOR_SCOPES.some((name) => name === scope),
  );
  if (known.length < scopes.length || known.length === 0) {
    throw new UsageError(
      `--scope "${text}" is not valid. Give one or both of ${OPERATOR_SCOPES.join(' and ')}, separated by a space.`,
    );
  }
  return known;
}

function signingKey(
  file: string | undefined,
  env: Environment,
  readFile: FileReader,
): { readonly key: KeyObject; readonly algorithm: TokenAlgorithm } {
  if (file !== undefined) {
    const read = readFile(file);
    if (!read.ok) throw new UsageError(`${file} ${read.problem}.`);
    return withUsableKey(file, () => privateKeyFrom(read.text));
  }
  const secret = env[AUTH_SECRET];
  if (secret === undefined || secret === '') {
    throw new UsageError(
      `There is no key to sign with. Set ${AUTH_SECRET} to the broker's secret (32 bytes or more), or give --key FILE.`,
    );
  }
  return withUsableKey(AUTH_SECRET, () => ({
    key: secretKeyFrom(Buffer.from(secret, 'utf8')),
    algorithm: 'HS256',
  }));
}

function withUsableKey<Key>(name: string, read: () => Key): Key {
  try {
    return read();
  } catch (error) {
    if (error instanceof KeyMaterialError) throw new UsageError(`${name} ${error.message}.`);
    throw error;
  }
}

const MAX_TTL_MS = 30 * 86_400_000;

function ttlMs(text: string): number {
  const ms = parseDurationMs(text);
  if (ms === undefined)
    throw new UsageError(
      `--ttl "${text}" is not a duration. Write a number and a unit, such as 90s, 15m, 1h or 7d.`,
    );
  if (ms < 1_000 || ms > MAX_TTL_MS) throw new UsageError('--ttl must be between 1s and 30d.');
  return ms;
}
