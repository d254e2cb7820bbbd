import { expect } from 'chai';
import type { TObject } from 'typebox';
import { Compile, type Validator } from 'typebox/compile';
import { BROKER_TO_CLIENT, BROKER_TO_HOST } from '@duskline/protocol';
import { parseClientMessage, parseHostMessage } from '@duskline/protocol/validation';
import type { Frame, Peer } from '../../support/fleet/peer.js';
import { sendTogether } from '../frames/raw-frames.js';

export type PeerKind = 'client' | 'host';

/** Receives the lines of a trace. */
export interface TraceWriter {
  frame(peer: string, arrow: '→' | '←', frame: Frame, whole: boolean): void;
  event(peer: string, text: string): void;
}

const TO_PEER: Readonly<Record<PeerKind, Readonly<Record<string, TObject>>>> = {
  client: BROKER_TO_CLIENT,
  host: BROKER_TO_HOST,
};

/** Messages that brokers may repeat, and the fields by which a repetition is recognised. */
const REPEATED: Readonly<Record<string, readonly string[]>> = {
  queued: ['requestId', 'position', 'region'],
  resume: ['sessionId', 'epoch'],
};

const validators = new Map<TObject, Validator>();

/** A peer whose messages are written to a trace. A message that the scenario does not expect fails the scenario. */
export class TracedPeer {
  /** The last message from the broker, if the peer has sent no `play` since. */
  #last: Frame | undefined;
  #isOver = false;

  constructor(
    readonly name: string,
    readonly kind: PeerKind,
    readonly peer: Peer,
    private readonly writer: TraceWriter,
  ) {}

  send(frame: Frame, whole = false): void {
    this.#write(frame, whole);
    this.peer.send(frame);
  }

  /** Sends several frames in one write: the broker reads them together. */
  sendTogether(...frames: readonly Frame[]): void {
    for (const frame of frames) this.#write(frame, false);
    sendTogether(this.peer, frames);
  }

  /** Waits for the next message, which must be of that type. */
  async receive(type: string): Promise<Frame> {
    const frame = await this.#next(type);
    expect(frame.type, `${this.name} expects ${type}, and gets ${JSON.stringify(frame)}`).to.equal(type);
    const schema = TO_PEER[this.kind][type];
    if (schema === undefined) throw new Error(`no message ${type} to a ${this.kind}`);
    const validator = validators.get(schema) ?? Compile(schema);
    validators.set(schema, validator);
    expect(validator.Check(frame), `valid ${type}: ${JSON.stringify(frame)}`).to.equal(true);
    this.writer.frame(this.name, '←', frame, false);
    return frame;
  }

  /** Waits until the broker closes the connection. The close reason must be the code of the `error` before it, or empty. */
  async closed(code: number): Promise<void> {
    const { code: actual, reason } = await this.peer.closed;
    const why = this.#last?.type === 'error' ? this.#last['code'] : '';
    expect({ code: actual, reason }).to.deep.equal({ code, reason: why });
    this.#isOver = true;
    this.writer.event(this.name, `← close ${code}`);
  }

  /** Loses the connection without a close frame. */
  async cut(): Promise<void> {
    this.peer.terminate();
    await this.peer.closed;
    this.#isOver = true;
    this.writer.event(this.name, 'x the connection is lost');
  }

  /** Checks that no unexpected message has arrived. */
  async finish(): Promise<void> {
    if (this.kind === 'client' && !this.#isOver) {
      // Everything that the broker has sent by now arrives before the pong.
      this.peer.send({ type: 'ping', id: 4_294_967_295 });
      await this.peer.next('pong');
    }
    const rest = this.peer.unread.filter((frame) => !this.#isRepetition(frame));
    expect(rest, `frames that ${this.name} was not expected to get`).to.deep.equal([]);
  }

  async #next(type: string): Promise<Frame> {
    for (;;) {
      const frame = await this.peer.nextFrame().catch((error: unknown) => {
        throw new Error(`${this.name} waits for ${type}`, { cause: error });
      });
      if (this.#isRepetition(frame)) continue;
      this.#last = frame;
      return frame;
    }
  }

  /**
   * Brokers may repeat some messages at times that depend on the clock: `queued` when only its estimate has changed, and
   * `resume`, which several brokers may send.
   */
  #isRepetition(frame: Frame): boolean {
    const fields = REPEATED[frame.type];
    const last = this.#last;
    if (fields === undefined || last?.type !== frame.type) return false;
    return fields.every((field) => frame[field] === last[field]);
  }

  #write(frame: Frame, whole: boolean): void {
    const parse = this.kind === 'client' ? parseClientMessage : parseHostMessage;
    expect(parse(JSON.stringify(frame))).to.include({ ok: true });
    // The answer to a repeated `play` is not a repetition.
    if (frame.type === 'play') this.#last = undefined;
    this.writer.frame(this.name, '→', frame, whole);
  }
}
