import type { Command } from 'commander';
import { ERRORS } from '@duskline/protocol/codes';
import { SUBPROTOCOL } from '@duskline/protocol/constants';
import { CommandFailure } from '../output/command-failure.js';

/** Where to ask, and as whom. */
export interface OperatorOptions {
  readonly url: string;
  readonly token?: string;
}

/** Speaks the HTTP API of a broker. Each call rejects with `RequestFailure`. */
export interface OperatorClient {
  get<Answer>(path: string): Promise<Answer>;
  post<Answer>(path: string, body: object): Promise<Answer>;
}

/** A request that brought no good answer, in a line for the terminal. */
export class RequestFailure extends CommandFailure {
  /** The broker's code; `undefined` when no broker answered. */
  readonly code: string | undefined;
  /** Whether the same request may succeed later. */
  readonly retryable: boolean;

  constructor(message: string, code: string | undefined, retryable: boolean) {
    super(message);
    this.code = code;
    this.retryable = retryable;
  }
}

/** A broker that says nothing for so long is not going to. */
const ANSWER_DEADLINE_MS = 15_000;

/** Adds the options that every operator's command has. */
export function addOperatorOptions(command: Command): Command {
  return command
    .option('--url <url>', 'the broker', 'http://127.0.0.1:8080')
    .option('--token <token>', 'an operator token (default: DUSKLINE_TOKEN)');
}

/** @throws CommandFailure that says how to get a token, when there is none, or that the URL is none */
export function createOperatorClient({
  url,
  token = process.env['DUSKLINE_TOKEN'],
}: OperatorOptions): OperatorClient {
  if (token === undefined || token === '') {
    throw new CommandFailure(
      'A token is needed: --token "$(duskline token --operator me)", or DUSKLINE_TOKEN.',
    );
  }
  if (!URL.canParse(url))
    throw new CommandFailure(`"${url}" is no URL. It looks like http://127.0.0.1:8080.`);
  const authorization = `Bearer ${token}`;
  return {
    get: (path) => ask(url, path, { headers: { authorization } }),
    post: (path, body) =>
      ask(url, path, {
        method: 'POST',
        headers: { authorization, 'content-type': 'application/json' },
        body: JSON.stringify(body),
      }),
  };
}

async function ask<Answer>(url: string, path: string, init: RequestInit): Promise<Answer> {
  const response = await fetch(new URL(path, url), {
    ...init,
    signal: AbortSignal.timeout(ANSWER_DEADLINE_MS),
  }).catch((error: unknown) => {
    throw new RequestFailure(`No broker answers at ${url} (${causeOf(error)}).`, undefined, true);
  });
  const body: unknown = await response.json().catch(() => undefined);
  if (response.ok) return body as Answer;
  const refusal = (body as { error?: { code?: string; message?: string } } | undefined)?.error;
  if (refusal?.code === undefined) {
    const message = `${url} answered ${response.status}; is it a Duskline broker (${SUBPROTOCOL})?`;
    // What stands before brokers answers 502, 503 or 504 while none is there.
    throw new RequestFailure(message, undefined, response.status >= 502 && response.status <= 504);
  }
  const { code, message = '' } = refusal;
  const retryAfterS = response.headers.get('retry-after');
  const again = retryAfterS === null ? '' : ` Try again in ${retryAfterS} s.`;
  throw new RequestFailure(`The broker refused: ${code}. ${message}${again}`, code, isRetryable(code));
}

function causeOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message : error.message;
}

/** A broker of a later version may know codes that this command does not. */
function isRetryable(code: string): boolean {
  return Object.hasOwn(ERRORS, code) && ERRORS[code as keyof typeof ERRORS].retryable;
}
