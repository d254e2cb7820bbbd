import { secretKeyFrom } from '../../auth/key-material.js';
import { createTokenSigner, type TokenRequest } from '../../auth/token-signer.js';
import { AUTH_SECRET, type Environment } from '../../config/secrets.js';
import { CommandFailure } from '../output/command-failure.js';

/** Validity of tokens that a command signs for itself. */
const OWN_TOKEN_MS = 3_600_000;

/**
 * Returns the token of a command: the given one, otherwise a function that signs one with the development secret.
 *
 * @param given from `--token`; without it `DUSKLINE_TOKEN` is used
 * @throws CommandFailure with instructions when there is neither a token nor a secret
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
      `This command needs a token. Give --token TOKEN, or set DUSKLINE_TOKEN, or set ${AUTH_SECRET} to the broker's secret.`,
    );
  }
  const signer = createTokenSigner({ key: secretKeyFrom(Buffer.from(secret)), algorithm: 'HS256' });
  return () => signer.sign(request, OWN_TOKEN_MS);
}
