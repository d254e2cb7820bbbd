import type { ClientOptions, PlayOptions, QueueState, Session, SlotOffer } from '@duskline/client/node';
import type { Fixture, Fixtures } from '../fixture.js';
import { EventBuffer } from '../../../support/event-buffer.js';
import type { ScriptedConnection } from '../scripted-broker.js';

export const REQUEST_ID = 'request-1';

export interface Waiting extends Fixture {
  readonly end: ScriptedConnection;
  readonly playing: Promise<Session>;
  readonly positions: EventBuffer<QueueState>;
}

/** A question to the player, which the test answers. */
export interface Question extends SlotOffer {
  readonly answer: (wanted: boolean) => void;
}

/** Requests of clients that wait in the queue. */
export function queuedRequests(fixtures: Fixtures): {
  readonly queued: (
    options?: Partial<PlayOptions>,
    clientOptions?: Partial<ClientOptions>,
  ) => Promise<Waiting>;
  readonly asking: () => Promise<Waiting & { readonly questions: EventBuffer<Question> }>;
} {
  /** Resolves when the request of a client is queued. */
  async function queued(
    options: Partial<PlayOptions> = {},
    clientOptions: Partial<ClientOptions> = {},
  ): Promise<Waiting> {
    const pair = await fixtures.pair(clientOptions);
    const positions = new EventBuffer<QueueState>('position in the queue');
    const playing = pair.client.play({
      title: 'tetris',
      rtt: { dublin: 12.5 },
      requestId: REQUEST_ID,
      onQueued: (state) => positions.add(state),
      ...options,
    });
    playing.catch(() => undefined);
    const end = await pair.broker.welcome();
    await end.next('play');
    end.queued(REQUEST_ID);
    await positions.next();
    return { ...pair, end, playing, positions };
  }

  /** Like `queued`, with an application that asks the player before it accepts a slot. */
  async function asking(): Promise<Waiting & { readonly questions: EventBuffer<Question> }> {
    const questions = new EventBuffer<Question>('question to the player');
    const waiting = await queued({
      onOffer: (offer) =>
        new Promise<boolean>((resolve) => {
          questions.add({ ...offer, answer: resolve });
        }),
    });
    return { ...waiting, questions };
  }

  return { queued, asking };
}

/** Loses the socket, and gives the next connection. */
export async function lose({ end, broker, statuses }: Waiting): Promise<ScriptedConnection> {
  end.drop();
  await statuses.next(({ state }) => state === 'waiting');
  return broker.welcome();
}

/** A logger that calls back after the client has handled an `error` frame. */
export function whenHandled(callback: () => void): NonNullable<ClientOptions['logger']> {
  const ignore = (): void => undefined;
  const debug = (fields: object): void => {
    if ('type' in fields && fields.type === 'error') setImmediate(callback);
  };
  return { debug, info: ignore, warn: ignore, error: ignore };
}
