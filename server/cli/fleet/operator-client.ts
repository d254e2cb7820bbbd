import type { Command } from 'commander';
import { ERRORS } from '@duskline/protocol/codes';
import { SUBPROTOCOL } from '@duskline/protocol/constants';
import { CommandFailure } from '../output/command-failure.js';

/** The options of every operator command. */
export interface OperatorOptions {
  readonly url: string;
  readonly token?: string;
}

/** Client of a broker's HTTP API. Failed calls reject with `RequestFailure`. */
export interface OperatorClient {
  get<Answer>(path: string): Promise<Answer>;
  post<Answer>(path: string, body: object): Promise<Answer>;
}

/** A failed request, with a message for the terminal. */
export class RequestFailure extends CommandFailure {
  /** The error code of the broker; `undefined` when no broker answered. */
  readonly code: string | undefined;
  /** Whether the same request may succeed later. */
  readonly retryable: boolean;

  constructor(message: string, code: string | undefined, retryable: boolean) {
    super(message);
    this.code = code;
    this.retryable = retryable;
  }
}

const ANSWER_DEADLINE_MS = 15_000;

/** Adds the options of every operator command. */
export function addOperatorOptions(command: Command): Command {
  return command
    .option('--url <url>', 'URL of a broker', 'http://127.0.0.1:8080')
    .option('--token <token>', 'operator token (default: DUSKLINE_TOKEN)');
}

/** @throws CommandFailure with instructions when there is no token or the URL is invalid */
export function createOperatorClient({
  url,
  token = process.env['DUSKLINE_TOKEN'],
}: OperatorOptions): OperatorClient {
  if (token === undefined || token === '') {
    throw new CommandFailure(
      'This command needs an operator token. Give --token "$(duskline token --operator me)", or set DUSKLINE_TOKEN.',
    );
  }
  if (!URL.canParse(url))
    throw new CommandFailure(`--url "${url}" is not a URL. It must have the form http://127.0.0.1:8080.`);
  const authorization = `Bearer ${token}`;
  return {
    get: (path) => request(url, path, { headers: { authorization } }),
    post: (path, body) =>
      request(url, path, {
        method: 'POST',
        headers: { authorization, 'content-type': 'application/json' },
        body: JSON.stringify(body),
      }),
  };
}

async function request<Answer>(url: string, path: string, init: RequestInit): Promise<Answer> {
  const response = await fetch(new URL(path, url), {
    ...init,
    signal: AbortSignal.timeout(ANSWER_DEADLINE_MS),
  }).catch((error: unknown) => {
    throw new RequestFailure(
      `No broker answers at ${url} (${causeOf(error)}). Check --url, and that the broker runs.`,
      undefined,
      true,
    );
  });
  const body: unknown = await response.json().catch(() => undefined);
  if (response.ok) return body as Answer;
  const refusal = (body as { error?: { code?: string; message?: string } } | undefined)?.error;
  if (refusal?.code === undefined) {
    const message = `${url} answered HTTP ${response.status} without an error code of a Duskline broker (${SUBPROTOCOL}). Check --url.`;
    // A load balancer answers 502, 503 or 504 while it reaches no broker.
    throw new RequestFailure(message, undefined, response.status >= 502 && response.status <= 504);
  }
  const { code, message = '' } = refusal;
  const retryAfterS = response.headers.get('retry-after');
  const again = retryAfterS === null ? '' : ` Try again in ${retryAfterS} s.`;
  throw new RequestFailure(
    `The broker refused the request: ${code}. ${message}${again}`,
    code,
    isRetryable(code),
  );
}

function causeOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message : error.message;
}

/** Codes that a later version of the broker added are not known here, and count as not retryable. */
function isRetryable(code: string): boolean {
  return Object.hasOwn(ERRORS, code) && ERRORS[code as keyof typeof ERRORS].retryable;
}
