import {
  DusklineError,
  createClient,
  type Client,
  type Session,
  type SessionMove,
} from '@duskline/client/node';
import type { BrokerToClient, ClientToBroker } from '@duskline/protocol';
import { WebSocket, type ClientOptions as SocketOptions } from 'ws';
import { hostName } from '../history/events.js';
import { monotonicMs } from './clock.js';
import type { LoadPlayer, PlayerContext, PlayerOptions } from './load-player.js';
import { PlayerTape } from './player-tape.js';
import { showTicket } from './show-ticket.js';
import type { Timer } from './timer-wheel.js';

/** `closeTimeout` is younger than the package's types. */
const SOCKET_OPTIONS: SocketOptions & { readonly closeTimeout: number } = {
  closeTimeout: 1_000,
  perMessageDeflate: false,
};

const quiet = (): void => undefined;
const SILENT = { error: quiet, warn: quiet, info: quiet, debug: quiet };

/** A player as games have it: the client SDK, with what passes its sockets on tape. */
export class SdkPlayer implements LoadPlayer {
  readonly name: string;
  readonly tape: PlayerTape;
  readonly #context: PlayerContext;
  readonly #rtt: Readonly<Record<string, number>>;
  readonly #canMove: boolean;
  readonly #client: Client;
  #asked = 0;
  #giveUp: AbortController | undefined;
  #session: Session | undefined;
  #leaveTimer: Timer | undefined;
  #admittedEpoch = 0;
  #isLeaving = false;
  #isShutOut = false;
  #isClosed = false;

  constructor(context: PlayerContext, { name, token, rtt, canMove, first }: PlayerOptions) {
    this.name = name;
    this.#context = context;
    this.#rtt = rtt;
    this.#canMove = canMove;
    this.tape = new PlayerTape(context.tally, name);
    const { urls, device, random } = context;
    const turn = first % urls.length;
    this.#client = createClient({
      url: [...urls.slice(turn), ...urls.slice(0, turn)],
      token,
      device,
      random,
      logger: SILENT,
      WebSocket: tapedWebSocket(this.tape),
    });
    this.#client.on('status', ({ state }) => {
      if (state === 'closed') this.#isShutOut = !this.#isClosed;
      context.freed(this, state === 'ready' && this.#giveUp === undefined);
    });
  }

  get isShutOut(): boolean {
    return this.#isShutOut;
  }

  get isLeaving(): boolean {
    return this.#isLeaving;
  }

  connect(dueMs: number): void {
    this.tape.connects(dueMs);
    this.#client.connect().catch(quiet);
  }

  play(dueMs: number, phase: number, lengthMs: number): void {
    this.#asked += 1;
    const requestId = `${this.#context.runId}-${this.#asked}`;
    this.tape.asks(requestId, dueMs, phase);
    this.#giveUp = new AbortController();
    this.#admittedEpoch = 0;
    const { title } = this.#context;
    const { signal } = this.#giveUp;
    const onMove = this.#canMove ? (move: SessionMove): Promise<void> => this.#follow(move) : undefined;
    this.#client.play({ title, rtt: this.#rtt, requestId, signal, onMove }).then(
      (session) => this.#matched(session, lengthMs),
      (error: unknown) => {
        if (!(error instanceof DusklineError)) throw error;
        this.#over();
      },
    );
  }

  leave(): void {
    this.#leaveTimer?.cancel();
    this.#leaveTimer = undefined;
    if (this.#giveUp === undefined) return;
    this.#isLeaving = true;
    const session = this.#session;
    if (session === undefined) {
      this.#giveUp.abort();
      return;
    }
    const { sessionId, epoch } = session;
    // While it moves, only the brokers know which host has it.
    if (this.#admittedEpoch !== epoch || this.tape.isMoving) {
      session.end().catch(quiet);
      return;
    }
    this.#context.tally.record({ type: 'left', player: this.name, sessionId });
    this.#context.desk.call(hostOf(session), { kind: 'bye', sessionId, epoch }, (done) => {
      if (!done) session.end().catch(quiet);
    });
  }

  close(): void {
    this.#isClosed = true;
    this.#leaveTimer?.cancel();
    void this.#client.close();
  }

  #matched(session: Session, lengthMs: number): void {
    this.#session = session;
    this.#leaveTimer = this.#context.wheel.at(monotonicMs() + lengthMs, () => this.leave());
    void session.ended.then(() => this.#over());
    session.on('replaced', () => this.#show(session));
    session.on('moved', () => void (this.#admittedEpoch = session.epoch));
    this.#show(session);
  }

  #show(session: Session): void {
    const { ticket, sessionId, epoch } = session;
    const host = hostOf(session);
    if (!this.#context.desk.plays(host)) return;
    const isCurrent = (): boolean => this.#session === session && session.epoch === epoch;
    showTicket(this.#context, {
      ...{ host, claim: { ticket, sessionId, epoch, player: this.name } },
      goesOn: () => isCurrent() && !this.#isLeaving,
      done: (isIn) => {
        if (!isCurrent()) return;
        if (isIn) this.#admittedEpoch = epoch;
        else this.#context.tally.notAdmitted();
      },
    });
  }

  /** Shows the ticket at the new host, and plays on at the old one until the SDK says that the session has moved. */
  #follow(move: SessionMove): Promise<void> {
    const session = this.#session;
    const { ticket, epoch, signal } = move;
    return new Promise((resolve, reject) => {
      const fail = (): void => reject(new Error('The new host did not let the player in.'));
      if (session === undefined || this.#isLeaving) {
        fail();
        return;
      }
      signal.addEventListener('abort', fail);
      const claim = { ticket, sessionId: session.sessionId, epoch, player: this.name };
      showTicket(this.#context, {
        ...{ host: hostOf(move), claim },
        goesOn: () => !signal.aborted,
        done: (isIn) => (isIn ? resolve() : fail()),
      });
    });
  }

  #over(): void {
    this.#leaveTimer?.cancel();
    this.#leaveTimer = undefined;
    this.#session = undefined;
    this.#giveUp = undefined;
    this.#isLeaving = false;
    if (this.#client.status.state === 'ready') this.#context.freed(this, true);
  }
}

function hostOf({ region, pool, host }: Pick<Session, 'region' | 'pool' | 'host'>): string {
  return hostName(region, pool, host.hostId);
}

/** Sockets for the SDK that let a tape see what passes. */
function tapedWebSocket(tape: PlayerTape): new (url: string, protocols: string) => WebSocket {
  return class TapedWebSocket extends WebSocket {
    constructor(url: string, protocols: string) {
      super(url, protocols, SOCKET_OPTIONS);
      this.on('message', (data: Buffer) => {
        tape.received(JSON.parse(data.toString('utf8')) as BrokerToClient);
      });
      this.on('close', (code) => tape.closed(code));
    }

    override send(data: string): void {
      tape.sent(JSON.parse(data) as ClientToBroker);
      super.send(data);
    }
  };
}
