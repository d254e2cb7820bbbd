/** What a measured process is asked over its IPC channel, and what it answers. */
export interface ProcessRequest {
  readonly id: number;
  readonly name: string;
  readonly about: unknown;
}

export type ProcessResponse = { readonly id: number } & (
  { readonly value: unknown } | { readonly error: string }
);

/**
 * Answers the parent's questions that have one of these names. When the parent is gone this process ends as if told to
 * stop.
 *
 * @param keepsUp whether being asked is what this process is for
 */
export function serveRequests(
  handlers: Readonly<Record<string, (about: never) => unknown>>,
  { keepsUp = false } = {},
): void {
  process.on('message', (question: ProcessRequest) => {
    const handler = handlers[question.name];
    if (handler !== undefined) void reply(question, handler);
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
