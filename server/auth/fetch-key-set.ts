import type { ReadableStream } from 'node:stream/web';
import type { ServerClock } from '../runtime/runtime.js';

/** Largest accepted answer. A key set of thousands of keys is far smaller. */
const MAX_BODY_BYTES = 1024 * 1024;

interface KeySetBody {
  readonly keys: Record<string, unknown>[];
}

/**
 * Fetches a JWKS document. The timeout covers the whole answer, so that a slow server cannot keep the fetch open. Redirects
 * are refused, since only the configured URL is trusted.
 *
 * @throws Error when the server does not answer in time, or not with a key set of at most 1 MiB.
 */
export async function fetchKeySet(
  url: string,
  timeoutMs: number,
  clock: Pick<ServerClock, 'setBackgroundTimer'>,
): Promise<KeySetBody> {
  const timeout = new AbortController();
  const cancelTimer = clock.setBackgroundTimer(
    () => timeout.abort(new Error(`The key server did not answer within ${timeoutMs} ms.`)),
    timeoutMs,
  );
  try {
    return await readKeySet(url, timeout.signal);
  } finally {
    cancelTimer();
  }
}

async function readKeySet(url: string, signal: AbortSignal): Promise<KeySetBody> {
  const response = await fetch(url, {
    headers: { accept: 'application/jwk-set+json, application/json' },
    redirect: 'error',
    signal,
  });
  if (!response.ok || response.body === null) {
    await response.body?.cancel();
    throw new Error(`The key server answered with status ${response.status}.`);
  }
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body as ReadableStream<Uint8Array>) {
    bytes += chunk.byteLength;
    if (bytes > MAX_BODY_BYTES) throw new Error('The key server answered with more than 1 MiB.');
    chunks.push(chunk);
  }
  const body: unknown = JSON.parse(Buffer.concat(chunks).toString('utf8'));
  if (!isKeySet(body)) throw new Error('The key server did not answer with a JWKS document.');
  return body;
}

function isKeySet(body: unknown): body is KeySetBody {
  return (
    typeof body === 'object' &&
    body !== null &&
    'keys' in body &&
    Array.isArray(body.keys) &&
    body.keys.every((key: unknown) => typeof key === 'object' && key !== null)
  );
}
