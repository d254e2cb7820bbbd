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

export interface AuthSources {
  readonly env: Environment;
  readonly readFile: FileReader;
}

/**
 * Checks the `auth` section and gets its key. `null` after reporting why it cannot be used; what breaks the
 * schema is left for the schema to report.
 */
export function resolveAuth(section: unknown, sources: AuthSources, report: Report): AuthConfig | null {
  const auth = mapOf(section);
  const algorithms = listOf(auth['algorithms']).filter(isTokenAlgorithm);
  if (algorithms.length === 0) return null;
  if (new Set(algorithms).size < algorithms.length) {
    report(['auth', 'algorithms'], 'names an algorithm twice');
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
      'HS256 must stand alone: beside a public key, anybody who knows that key could sign tokens with it',
    );
  }
  if (publicSource !== null) {
    report(
      ['auth'],
      'publicKeyFile and jwksUrl belong to ES256 and RS256; HS256 takes its secret from the environment',
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
    report(['auth'], 'give publicKeyFile or jwksUrl, not both');
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
    report(path, `one key serves one algorithm; name one, or use jwksUrl for ${algorithms.join(' and ')}`);
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

/** Whoever can change the key set on its way can sign tokens, so it travels by TLS, or not over a network. */
function whyUnsafeKeyUrl(text: string): string | null {
  if (!URL.canParse(text)) return 'is no URL';
  const url = new URL(text);
  if (url.username !== '' || url.password !== '') return 'must not hold a user or a password';
  if (url.protocol === 'https:') return null;
  if (url.protocol !== 'http:') return 'must be an https URL';
  const loopback = ['localhost', '127.0.0.1', '[::1]'].includes(url.hostname);
  return loopback ? null : 'must be https: keys fetched in the clear can be replaced on the way';
}

function isTokenAlgorithm(value: unknown): value is TokenAlgorithm {
  return TOKEN_ALGORITHMS.some((algorithm) => algorithm === value);
}
