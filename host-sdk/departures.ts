import type { CannotMove, CheckpointOrder, HostCheckpoint } from '@duskline/protocol';
import { CannotMoveError, encodeCheckpoint, reasonOf } from './checkpoint.js';
import type { HostSettings } from './host-options.js';
import type { HostedSession } from './hosted-session.js';
import { isMovable, type SessionRecord } from './session-table.js';
import { isHeld } from './session-transitions.js';

/** What departures need from the host, and tell it. */
export interface DepartureOwner {
  /** Tells the broker; false when that has to wait. */
  send(message: HostCheckpoint | CannotMove): boolean;
  /** Moves the record on. False when the table of transitions does not allow it. */
  apply(record: SessionRecord, event: 'checkpoint' | 'resume'): boolean;
  handle(record: SessionRecord): HostedSession;
  /** The session goes on here, in the state that it has now. */
  resumed(record: SessionRecord): void;
}

/** A session that is held still, because it may go on at another host. */
interface Departure {
  readonly record: SessionRecord;
  /** The broker waits for an answer until then; by the host's monotonic clock, as the other. */
  readonly answerByMs: number;
  readonly stillUntilMs: number;
  answered: boolean;
  /** An answer that could not be sent, for want of a connection. */
  unsent: HostCheckpoint | undefined;
}

/**
 * The sessions of a host that are about to move away: asks the application for their state, hands it over, and lets
 * each go on that did not move after all: on the broker's word, or by itself when that does not come. One timer for
 * all of them.
 */
export class Departures {
  readonly #settings: Pick<HostSettings, 'clock' | 'logger' | 'onCheckpoint'>;
  readonly #owner: DepartureOwner;
  readonly #departures = new Map<SessionRecord, Departure>();
  #cancelTimer: () => void = () => undefined;

  constructor(settings: Pick<HostSettings, 'clock' | 'logger' | 'onCheckpoint'>, owner: DepartureOwner) {
    this.#settings = settings;
    this.#owner = owner;
  }

  /** @param record what the host has of the session */
  begin({ sessionId, epoch, withinMs, stillMs }: CheckpointOrder, record: SessionRecord | undefined): void {
    const { clock, onCheckpoint } = this.#settings;
    const known = record === undefined ? undefined : this.#departures.get(record);
    if (record?.epoch !== epoch) this.#refuse({ sessionId, epoch }, 'The session is not here at this epoch.');
    else if (known !== undefined) this.#giveUp(known, 'The session is moving already.');
    else if (onCheckpoint === undefined) this.#refuse(record, 'This host hands no sessions over.');
    else if (!isMovable(record)) this.#refuse(record, 'The session cannot be moved at the moment.');
    else if (this.#owner.apply(record, 'checkpoint')) {
      const nowMs = clock.monotonicMs();
      const stillUntilMs = nowMs + Math.max(withinMs, stillMs);
      const departure = {
        record,
        answerByMs: nowMs + withinMs,
        stillUntilMs,
        answered: false,
        unsent: undefined,
      };
      this.#departures.set(record, departure);
      this.#arm();
      void this.#ask(departure, onCheckpoint);
    }
  }

  /** The session goes on here. False when it was not held still. */
  release(record: SessionRecord): boolean {
    if (!this.#departures.delete(record)) return false;
    if (!isHeld(record.state)) return false;
    // One whose client was lost meanwhile stays `disconnected`: what is over is that it is held still.
    this.#owner.apply(record, 'resume');
    this.#owner.resumed(record);
    return true;
  }

  /** Sends the answers that could not be sent before. */
  catchUp(): void {
    for (const departure of this.#departures.values()) {
      if (departure.unsent !== undefined && this.#owner.send(departure.unsent)) departure.unsent = undefined;
    }
  }

  /** Nobody is left to move them: all go on. */
  stop(): void {
    for (const record of this.#departures.keys()) this.release(record);
    this.#cancelTimer();
  }

  async #ask(departure: Departure, onCheckpoint: NonNullable<HostSettings['onCheckpoint']>): Promise<void> {
    const { record } = departure;
    const { sessionId, epoch } = record;
    try {
      const checkpoint = encodeCheckpoint(await onCheckpoint(this.#owner.handle(record)));
      if (!this.#isOn(departure)) return;
      if (record.state !== 'moving') this.#giveUp(departure, 'The client was lost meanwhile.');
      else this.#answer(departure, { type: 'checkpoint', sessionId, epoch, ...checkpoint });
    } catch (error) {
      if (!(error instanceof CannotMoveError)) {
        this.#settings.logger.error({ sessionId, err: error }, 'onCheckpoint failed');
      }
      if (this.#isOn(departure)) this.#giveUp(departure, reasonOf(error, 'onCheckpoint failed.'));
    }
  }

  #answer(departure: Departure, answer: HostCheckpoint): void {
    departure.answered = true;
    if (!this.#owner.send(answer)) departure.unsent = answer;
    this.#arm();
  }

  #isOn(departure: Departure): boolean {
    return this.#departures.get(departure.record) === departure && isHeld(departure.record.state);
  }

  #giveUp({ record }: Departure, reason: string): void {
    this.#refuse(record, reason);
    this.release(record);
  }

  #refuse({ sessionId, epoch }: Pick<SessionRecord, 'sessionId' | 'epoch'>, reason: string): void {
    this.#settings.logger.info({ sessionId, epoch, reason }, 'A session cannot be moved');
    this.#owner.send({ type: 'cannot_move', sessionId, epoch, reason });
  }

  #look(): void {
    const nowMs = this.#settings.clock.monotonicMs();
    for (const departure of this.#departures.values()) {
      const { record, answerByMs, stillUntilMs, answered, unsent } = departure;
      if (!isHeld(record.state)) this.#departures.delete(record);
      else if (nowMs >= stillUntilMs) this.release(record);
      else if (nowMs >= answerByMs && (!answered || unsent !== undefined)) {
        this.#giveUp(departure, 'The state was not there in time.');
      }
    }
    this.#arm();
  }

  #arm(): void {
    this.#cancelTimer();
    const dueAtMs = Math.min(...[...this.#departures.values()].map(dueAtMsOf));
    if (dueAtMs === Infinity) return;
    const delayMs = Math.max(0, dueAtMs - this.#settings.clock.monotonicMs());
    this.#cancelTimer = this.#settings.clock.setTimer(() => this.#look(), delayMs);
  }
}

function dueAtMsOf({ answerByMs, stillUntilMs, answered, unsent }: Departure): number {
  return answered && unsent === undefined ? stillUntilMs : Math.min(answerByMs, stillUntilMs);
}
