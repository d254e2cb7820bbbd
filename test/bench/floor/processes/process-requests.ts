/** A request to a measured process over its IPC channel. */
export interface ProcessRequest {
  readonly id: number;
  readonly name: string;
  readonly about: unknown;
}

/** The answer to a request. */
export type ProcessResponse = { readonly id: number } & (
  { readonly value: unknown } | { readonly error: string }
);

/**
 * Handles the requests of the parent process by their names. When the parent exits, this process ends as by SIGTERM.
 *
 * @param keepsUp whether the channel keeps this process running
 */
export function serveRequests(
  handlers: Readonly<Record<string, (about: never) => unknown>>,
  { keepsUp = false } = {},
): void {
  process.on('message', (request: ProcessRequest) => {
    const handler = handlers[request.name];
    if (handler !== undefined) void reply(request, handler);
  });
  process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
  if (!keepsUp) process.channel?.unref();
}

async function reply({ id, about }: ProcessRequest, handler: (about: never) => unknown): Promise<void> {
  try {
    sendResponse({ id, value: await handler(about as never) });
  } catch (error) {
    sendResponse({ id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  }
}

function sendResponse(answer: ProcessResponse): void {
  process.send?.(answer);
}
