import {
  CannotMoveError,
  describeFailure,
  encodeCheckpoint,
  type Checkpoint,
} from '../sessions/checkpoint.js';
import type { HostSettings } from '../host-options.js';
import type { HostedSession } from '../sessions/hosted-session.js';
import type { SessionEvent } from '../sessions/session-events.js';
import type { PreparedSession } from '../sessions/session-record.js';

type Callbacks = Pick<HostSettings, 'logger' | 'onPrepare' | 'onCheckpoint' | 'onRestore'>;

/** Calls the application's callbacks. Their answers are events of the session; a callback that fails refuses. */
export class ApplicationCalls {
  readonly #settings: Callbacks;
  readonly #dispatch: (sessionId: string, event: SessionEvent) => void;

  constructor(settings: Callbacks, dispatch: (sessionId: string, event: SessionEvent) => void) {
    this.#settings = settings;
    this.#dispatch = dispatch;
  }

  async prepare(session: PreparedSession): Promise<void> {
    const { sessionId, epoch } = session;
    let isAccepted = false;
    try {
      isAccepted = await this.#settings.onPrepare(session);
    } catch (error) {
      this.#settings.logger.error({ sessionId, err: error }, 'onPrepare failed');
    }
    this.#dispatch(sessionId, { type: isAccepted ? 'prepare_accepted' : 'prepare_refused', epoch });
  }

  async restore(session: PreparedSession, checkpoint: Checkpoint): Promise<void> {
    const { sessionId, epoch } = session;
    try {
      if ((await this.#settings.onRestore?.(session, checkpoint)) === false) {
        throw new CannotMoveError('The application refused the session.');
      }
    } catch (error) {
      this.#logFailure(sessionId, error, 'onRestore failed');
      const reason = describeFailure(error, 'onRestore failed.');
      this.#dispatch(sessionId, { type: 'restore_refused', epoch, reason });
      return;
    }
    this.#dispatch(sessionId, { type: 'restore_done', epoch });
  }

  async checkpoint(session: HostedSession, call: number): Promise<void> {
    const { sessionId, epoch } = session;
    let event: SessionEvent;
    try {
      if (this.#settings.onCheckpoint === undefined) throw new CannotMoveError('There is no onCheckpoint.');
      const checkpoint = encodeCheckpoint(await this.#settings.onCheckpoint(session));
      event = { type: 'checkpoint_done', epoch, call, checkpoint };
    } catch (error) {
      this.#logFailure(sessionId, error, 'onCheckpoint failed');
      const reason = describeFailure(error, 'onCheckpoint failed.');
      event = { type: 'checkpoint_refused', epoch, call, reason };
    }
    this.#dispatch(sessionId, event);
  }

  #logFailure(sessionId: string, error: unknown, text: string): void {
    if (!(error instanceof CannotMoveError)) this.#settings.logger.error({ sessionId, err: error }, text);
  }
}
