import {
  DusklineError,
  createClient,
  type Client,
  type Session,
  type SessionMove,
} from '@duskline/client/node';
import type { BrokerToClient, ClientToBroker } from '@duskline/protocol';
import { WebSocket, type ClientOptions as SocketOptions } from 'ws';
import { hostName } from '../../history/events.js';
import { monotonicMs } from '../clock.js';
import type { LoadPlayer, PlayerContext, PlayerOptions } from './load-player.js';
import { PlayerLog } from './player-log.js';
import { claimReservation } from './claim-reservation.js';
import type { Timer } from '../timer-wheel.js';

/** The types of the package do not have `closeTimeout` yet. */
const SOCKET_OPTIONS: SocketOptions & { readonly closeTimeout: number } = {
  closeTimeout: 1_000,
  perMessageDeflate: false,
};

const quiet = (): void => undefined;
const SILENT = { error: quiet, warn: quiet, info: quiet, debug: quiet };

/** A player with the client SDK, as games use it. Frames of its sockets are logged. */
export class SdkPlayer implements LoadPlayer {
  readonly name: string;
  readonly log: PlayerLog;
  readonly #context: PlayerContext;
  readonly #rtt: Readonly<Record<string, number>>;
  readonly #canMove: boolean;
  readonly #client: Client;
  #requestCount = 0;
  #abortRequest: AbortController | undefined;
  #session: Session | undefined;
  #leaveTimer: Timer | undefined;
  #admittedEpoch = 0;
  #isLeaving = false;
  #isRejected = false;
  #isClosed = false;

  constructor(context: PlayerContext, { name, token, rtt, canMove, firstUrlIndex }: PlayerOptions) {
    this.name = name;
    this.#context = context;
    this.#rtt = rtt;
    this.#canMove = canMove;
    this.log = new PlayerLog(context.metrics, name);
    const { urls, device, random } = context;
    const first = firstUrlIndex % urls.length;
    this.#client = createClient({
      url: [...urls.slice(first), ...urls.slice(0, first)],
      token,
      device,
      random,
      logger: SILENT,
      WebSocket: createLoggedWebSocket(this.log),
    });
    this.#client.on('status', ({ state }) => {
      if (state === 'closed') this.#isRejected = !this.#isClosed;
      context.setFree(this, state === 'ready' && this.#abortRequest === undefined);
    });
  }

  get isRejected(): boolean {
    return this.#isRejected;
  }

  get isLeaving(): boolean {
    return this.#isLeaving;
  }

  connect(dueMs: number): void {
    this.log.startConnect(dueMs);
    this.#client.connect().catch(quiet);
  }

  play(dueMs: number, phase: number, lengthMs: number): void {
    this.#requestCount += 1;
    const requestId = `${this.#context.runId}-${this.#requestCount}`;
    this.log.startRequest(requestId, dueMs, phase);
    this.#abortRequest = new AbortController();
    this.#admittedEpoch = 0;
    const { title } = this.#context;
    const { signal } = this.#abortRequest;
    const onMove = this.#canMove
      ? (move: SessionMove): Promise<void> => this.#claimTargetReservation(move)
      : undefined;
    this.#client.play({ title, rtt: this.#rtt, requestId, signal, onMove }).then(
      (session) => this.#handleMatched(session, lengthMs),
      (error: unknown) => {
        if (!(error instanceof DusklineError)) throw error;
        this.#finishRequest();
      },
    );
  }

  leave(): void {
    this.#leaveTimer?.cancel();
    this.#leaveTimer = undefined;
    if (this.#abortRequest === undefined) return;
    this.#isLeaving = true;
    const session = this.#session;
    if (session === undefined) {
      this.#abortRequest.abort();
      return;
    }
    const { sessionId, epoch } = session;
    // During a move, only the brokers know which host holds the session.
    if (this.#admittedEpoch !== epoch || this.log.isMoving) {
      session.end().catch(quiet);
      return;
    }
    this.#context.metrics.record({ type: 'left', player: this.name, sessionId });
    this.#context.hostCalls.callHost(hostOf(session), { kind: 'bye', sessionId, epoch }, (done) => {
      if (!done) session.end().catch(quiet);
    });
  }

  close(): void {
    this.#isClosed = true;
    this.#leaveTimer?.cancel();
    void this.#client.close();
  }

  #handleMatched(session: Session, lengthMs: number): void {
    this.#session = session;
    this.#leaveTimer = this.#context.wheel.at(monotonicMs() + lengthMs, () => this.leave());
    void session.ended.then(() => this.#finishRequest());
    session.on('replaced', () => this.#claimReservation(session));
    session.on('moved', () => void (this.#admittedEpoch = session.epoch));
    this.#claimReservation(session);
  }

  #claimReservation(session: Session): void {
    const { ticket, sessionId, epoch } = session;
    const host = hostOf(session);
    if (!this.#context.hostCalls.hasHost(host)) return;
    const isCurrent = (): boolean => this.#session === session && session.epoch === epoch;
    claimReservation(this.#context, {
      ...{ host, claim: { ticket, sessionId, epoch, player: this.name } },
      shouldRetry: () => isCurrent() && !this.#isLeaving,
      onResult: (isAdmitted) => {
        if (!isCurrent()) return;
        if (isAdmitted) this.#admittedEpoch = epoch;
        else this.#context.metrics.countNotAdmitted();
      },
    });
  }

  /** Shows the ticket to the target host. The player stays on its host until the SDK reports that the session moved. */
  #claimTargetReservation(move: SessionMove): Promise<void> {
    const session = this.#session;
    const { ticket, epoch, signal } = move;
    return new Promise((resolve, reject) => {
      const fail = (): void => reject(new Error('The target host did not admit the player.'));
      if (session === undefined || this.#isLeaving) {
        fail();
        return;
      }
      signal.addEventListener('abort', fail);
      const claim = { ticket, sessionId: session.sessionId, epoch, player: this.name };
      claimReservation(this.#context, {
        ...{ host: hostOf(move), claim },
        shouldRetry: () => !signal.aborted,
        onResult: (isAdmitted) => (isAdmitted ? resolve() : fail()),
      });
    });
  }

  #finishRequest(): void {
    this.#leaveTimer?.cancel();
    this.#leaveTimer = undefined;
    this.#session = undefined;
    this.#abortRequest = undefined;
    this.#isLeaving = false;
    if (this.#client.status.state === 'ready') this.#context.setFree(this, true);
  }
}

function hostOf({ region, pool, host }: Pick<Session, 'region' | 'pool' | 'host'>): string {
  return hostName(region, pool, host.hostId);
}

/** A WebSocket class for the SDK that adds all frames to a log. */
function createLoggedWebSocket(log: PlayerLog): new (url: string, protocols: string) => WebSocket {
  return class LoggedWebSocket extends WebSocket {
    constructor(url: string, protocols: string) {
      super(url, protocols, SOCKET_OPTIONS);
      this.on('message', (data: Buffer) => {
        log.recordReceived(JSON.parse(data.toString('utf8')) as BrokerToClient);
      });
      this.on('close', (code) => log.recordClose(code));
    }

    override send(data: string): void {
      log.recordSent(JSON.parse(data) as ClientToBroker);
      super.send(data);
    }
  };
}
