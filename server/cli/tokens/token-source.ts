import { secretKeyFrom } from '../../auth/key-material.js';
import { createTokenSigner, type TokenRequest } from '../../auth/token-signer.js';
import { AUTH_SECRET, type Environment } from '../../config/secrets.js';
import { CommandFailure } from '../output/command-failure.js';

/** Tokens that a command signs for itself last this long. */
const OWN_TOKEN_MS = 3_600_000;

/**
 * Where a command gets its token: the one it was given, else one it signs itself when the development
 * secret is at hand.
 *
 * @param given from `--token`; `DUSKLINE_TOKEN` counts as given too
 * @throws CommandFailure that says how to get one
 */
export function resolveToken(
  given: string | undefined,
  env: Environment,
  request: TokenRequest,
): string | (() => string) {
  const token = given ?? env['DUSKLINE_TOKEN'];
  if (token !== undefined && token !== '') return token;
  const secret = env[AUTH_SECRET];
  if (secret === undefined || secret === '') {
    throw new CommandFailure(
      `A token is needed: --token TOKEN, or DUSKLINE_TOKEN, or the development secret in ${AUTH_SECRET}.`,
    );
  }
  const signer = createTokenSigner({ key: secretKeyFrom(Buffer.from(secret)), algorithm: 'HS256' });
  return () => signer.sign(request, OWN_TOKEN_MS);
}
