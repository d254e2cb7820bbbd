/** What a measured process is asked over its IPC channel, and what it answers. */
export interface Question {
  readonly id: number;
  readonly name: string;
  readonly about: unknown;
}

export type Answer = { readonly id: number } & ({ readonly value: unknown } | { readonly error: string });

/**
 * Answers the parent's questions that have one of these names. When the parent is gone this process ends as if told to
 * stop.
 *
 * @param keepsUp whether being asked is what this process is for
 */
export function answerQuestions(
  handlers: Readonly<Record<string, (about: never) => unknown>>,
  { keepsUp = false } = {},
): void {
  process.on('message', (question: Question) => {
    const handler = handlers[question.name];
    if (handler !== undefined) void reply(question, handler);
  });
  process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
  if (!keepsUp) process.channel?.unref();
}

async function reply({ id, about }: Question, handler: (about: never) => unknown): Promise<void> {
  try {
    tell({ id, value: await handler(about as never) });
  } catch (error) {
    tell({ id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  }
}

function tell(answer: Answer): void {
  process.send?.(answer);
}
