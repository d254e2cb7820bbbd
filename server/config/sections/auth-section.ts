import type { KeyObject } from 'node:crypto';
import {
  DEFAULT_CLOCK_TOLERANCE_S,
  TOKEN_ALGORITHMS,
  type AuthConfig,
  type TokenAlgorithm,
  type TokenKeys,
} from '../../auth/auth-config.js';
import { KeyMaterialError, publicKeyFrom } from '../../auth/key-material.js';
import type { FileReader } from '../file-reader.js';
import type { Report } from '../config-error.js';
import { readAuthSecret, type Environment } from '../secrets.js';
import { listOf, mapOf, numberOf, textOf } from '../unvalidated-values.js';

/** Sources of secrets and key files. */
export interface AuthSources {
  readonly env: Environment;
  readonly readFile: FileReader;
}

/**
 * Checks section `auth` and loads its key. Violations of the schema are not reported here.
 *
 * @returns `null` after a mistake
 */
export function resolveAuth(section: unknown, sources: AuthSources, report: Report): AuthConfig | null {
  const auth = mapOf(section);
  const algorithms = listOf(auth['algorithms']).filter(isTokenAlgorithm);
  if (algorithms.length === 0) return null;
  if (new Set(algorithms).size < algorithms.length) {
    report(['auth', 'algorithms'], 'contains an algorithm twice');
  }

  const publicKeyFile = textOf(auth['publicKeyFile']);
  const jwksUrl = textOf(auth['jwksUrl']);
  const keys = algorithms.includes('HS256')
    ? sharedSecret(algorithms, publicKeyFile ?? jwksUrl, sources, report)
    : publicKeys(algorithms, publicKeyFile, jwksUrl, sources, report);
  if (keys === null) return null;
  return {
    algorithms,
    issuer: textOf(auth['issuer']),
    clockToleranceS: numberOf(auth['clockToleranceS']) ?? DEFAULT_CLOCK_TOLERANCE_S,
    keys,
  };
}

function sharedSecret(
  algorithms: readonly TokenAlgorithm[],
  publicSource: string | null,
  { env }: AuthSources,
  report: Report,
): TokenKeys | null {
  if (algorithms.some((algorithm) => algorithm !== 'HS256')) {
    report(
      ['auth', 'algorithms'],
      'HS256 must be the only algorithm: with a public key beside it, everybody who knows that key could sign tokens',
    );
  }
  if (publicSource !== null) {
    report(
      ['auth'],
      'publicKeyFile and jwksUrl are for ES256 and RS256; HS256 takes its secret from DUSKLINE_AUTH_SECRET',
    );
  }
  const secret = readAuthSecret(env, report);
  return secret === null ? null : { kind: 'secret', secret };
}

function publicKeys(
  algorithms: readonly TokenAlgorithm[],
  publicKeyFile: string | null,
  jwksUrl: string | null,
  { readFile }: AuthSources,
  report: Report,
): TokenKeys | null {
  if (publicKeyFile !== null && jwksUrl !== null) {
    report(['auth'], 'set publicKeyFile or jwksUrl, not both');
  } else if (jwksUrl !== null) {
    const problem = whyUnsafeKeyUrl(jwksUrl);
    if (problem === null) return { kind: 'jwks', url: jwksUrl };
    report(['auth', 'jwksUrl'], problem);
  } else if (publicKeyFile !== null) {
    const publicKey = readPublicKey(publicKeyFile, algorithms, readFile, report);
    if (publicKey !== null) return { kind: 'public', publicKey };
  } else {
    report(['auth'], `needs publicKeyFile or jwksUrl for ${algorithms.join(' and ')}`);
  }
  return null;
}

function readPublicKey(
  file: string,
  algorithms: readonly TokenAlgorithm[],
  readFile: FileReader,
  report: Report,
): KeyObject | null {
  const [algorithm, ...others] = algorithms;
  if (algorithm === undefined || algorithm === 'HS256') return null;
  const path = ['auth', 'publicKeyFile'];
  if (others.length > 0) {
    report(
      path,
      `one key is for one algorithm; set one algorithm, or use jwksUrl for ${algorithms.join(' and ')}`,
    );
    return null;
  }
  const read = readFile(file);
  if (!read.ok) {
    report(path, read.problem);
    return null;
  }
  try {
    return publicKeyFrom(read.text, algorithm);
  } catch (error) {
    if (!(error instanceof KeyMaterialError)) throw error;
    report(path, error.message);
    return null;
  }
}

/** An attacker who can change the key set in transit can sign tokens. So the URL must be https, or on this machine. */
function whyUnsafeKeyUrl(text: string): string | null {
  if (!URL.canParse(text)) return 'is not a URL';
  const url = new URL(text);
  if (url.username !== '' || url.password !== '') return 'must not contain a user or a password';
  if (url.protocol === 'https:') return null;
  if (url.protocol !== 'http:') return 'must be an https URL';
  const loopback = ['localhost', '127.0.0.1', '[::1]'].includes(url.hostname);
  return loopback
    ? null
    : 'must be https: keys that are fetched without encryption can be replaced in transit';
}

function isTokenAlgorithm(value: unknown): value is TokenAlgorithm {
  return TOKEN_ALGORITHMS.some((algorithm) => algorithm === value);
}
