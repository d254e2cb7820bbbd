import type { RegionInfo } from '@duskline/protocol';
import type { ClientStatus } from './connection/client-status.js';
import { BrokerConnection } from './connection/broker-connection.js';
import { DusklineError, abortError, localError } from './errors.js';
import type { RttOrFailure, RttByRegion } from './latency/measure-rtt.js';
import { resolveOptions, type ClientOptions, type ResolvedOptions } from './options.js';
import { createPlayMessage } from './play/play-messages.js';
import { RegionSearch, isRegional, widenSearch, type WiderSearch } from './play/other-regions.js';
import type { PlayOptions } from './play/play-options.js';
import { PlayRequest } from './play/play-request.js';
import { PlayRequests } from './play/play-requests.js';
import { RegionMeter, type MeasureOptions } from './latency/region-meter.js';
import { createRequestId } from './play/request-id.js';
import type { Session } from './session/session.js';
import { TypedEvents, type Listener } from '@duskline/sdk-runtime';
import { onAbort, waitUnlessAborted } from './runtime/promises.js';

export interface ClientEvents {
  status: ClientStatus;
}

export interface Client {
  readonly status: ClientStatus;
  /** The sessions of this client that have not ended, as far as it knows. */
  readonly sessions: readonly Session[];
  /** Adds a listener. Returns a function that removes it. */
  on<Name extends keyof ClientEvents>(event: Name, listener: Listener<ClientEvents[Name]>): () => void;
  /**
   * Connects, and resolves when a broker has welcomed the client. Optional: the other methods connect too. Aborting `signal`
   * rejects the promise but does not stop the connection attempts; `close()` does.
   *
   * @throws DusklineError `ABORTED`, or why the client closed: `UNAUTHENTICATED`, `FORBIDDEN`, `CLIENT_CLOSED`, ...
   */
  connect(options?: { readonly signal?: AbortSignal | undefined }): Promise<void>;
  /**
   * Measures the round-trip times to the open regions that are likely to be near. A result for the same regions is reused for
   * `measurementMaxAgeMs`, or until the connection is lost.
   *
   * @returns milliseconds by region, without the regions that did not answer in time
   * @throws DusklineError `ABORTED`, or why the client closed
   */
  measureRegions(options?: MeasureOptions): Promise<RttByRegion>;
  /**
   * Requests a slot to play a title, and waits in the queue if none is free. If the connection is lost, the SDK repeats the
   * request with the same `requestId` on the next one, so it keeps its position and never leads to two sessions. The request is sent
   * when a broker has confirmed the end of each session and the cancel of each request that this client gave up before.
   *
   * Without `options.rtt` the SDK measures the regions, and more of them when those that are near on the map give no slot.
   *
   * @throws DusklineError the broker's refusal (`QUEUE_FULL`, `TIMED_OUT`, `SESSION_EXISTS`, `UNKNOWN_TITLE`,
   *   ...); `ABORTED`; `OFFER_DECLINED`; `NO_REGION_MEASURED`; `REQUEST_IN_USE`; or why the client closed
   */
  play(options: PlayOptions): Promise<Session>;
  /**
   * Closes the client permanently. Pending requests are cancelled and reject with `CLIENT_CLOSED`. Sessions are not ended: their
   * streams continue, and the client no longer updates their objects. To end a session, call its `end()` first.
   */
  close(): Promise<void>;
}

/**
 * Creates a client. It connects at the first call of `connect`, `measureRegions` or `play`.
 *
 * @throws TypeError that lists every invalid option
 */
export function createClient(options: ClientOptions): Client {
  return new BrokerClient(resolveOptions(options));
}

class BrokerClient implements Client {
  readonly #options: ResolvedOptions;
  readonly #connection: BrokerConnection;
  readonly #meter: RegionMeter;
  readonly #requests: PlayRequests;
  readonly #events: TypedEvents<ClientEvents>;
  #playCount = 0;
  #closed: Promise<void> | undefined;

  constructor(options: ResolvedOptions) {
    this.#options = options;
    this.#connection = new BrokerConnection({
      options,
      onStatus: (status) => this.#handleStatus(status),
      onMessage: (message) => this.#requests.handleMessage(message),
    });
    this.#requests = new PlayRequests(() => this.status.state === 'ready');
    this.#meter = new RegionMeter(options, this.#connection.closing);
    this.#events = new TypedEvents((event, error) =>
      options.logger.error({ event, error }, 'A listener of the client threw'),
    );
  }

  get status(): ClientStatus {
    return this.#connection.status;
  }

  get sessions(): readonly Session[] {
    return this.#requests.sessions;
  }

  on<Name extends keyof ClientEvents>(event: Name, listener: Listener<ClientEvents[Name]>): () => void {
    return this.#events.on(event, listener);
  }

  async connect(options: { readonly signal?: AbortSignal | undefined } = {}): Promise<void> {
    this.#connection.start();
    await waitUnlessAborted(this.#connection.ready, options.signal);
  }

  async measureRegions(options: MeasureOptions = {}): Promise<RttByRegion> {
    const regions = await this.#listRegions(options.signal);
    const open = regions.filter(({ state }) => state === 'open');
    const measured = Object.entries(await this.#meter.measure(open, options));
    return Object.fromEntries(
      measured.flatMap(([region, rttMs]) => (rttMs === null ? [] : [[region, rttMs]])),
    );
  }

  async play(options: PlayOptions): Promise<Session> {
    this.#playCount += 1;
    const { requestId = createRequestId(this.#options.random, this.#playCount) } = options;
    const { signal, regions } = options;
    this.#connection.start();
    if (options.rtt !== undefined) return this.#ask(options, requestId, options.rtt);
    const rtt = await this.#meter.measure(await this.#listRegions(signal), { signal, regions });
    const search = new RegionSearch(() => this.#searchWider(options, rtt));
    try {
      return await this.#ask(options, requestId, rtt, (request) => this.#widen(request, search));
    } catch (error) {
      const isSearchUseful = error instanceof DusklineError && isRegional(error) && !search.isUsed;
      const wider = isSearchUseful ? await search.result : undefined;
      if (wider === undefined) throw error;
      return this.#ask(options, requestId, wider.rtt);
    }
  }

  close(): Promise<void> {
    // The status `closed` ends the requests while the socket can still send `cancel`.
    this.#closed ??= this.#connection.close();
    return this.#closed;
  }

  /** The regions as the broker listed them, open and closed. */
  async #listRegions(signal: AbortSignal | undefined): Promise<readonly RegionInfo[]> {
    this.#connection.start();
    return (await waitUnlessAborted(this.#connection.ready, signal)).regions;
  }

  /** Measures all regions, also those that are far on the map. Returns `undefined` if none is nearer than `play` said. */
  async #searchWider({ signal, regions }: PlayOptions, rtt: RttOrFailure): Promise<WiderSearch | undefined> {
    const measured = await this.#meter.search(await this.#listRegions(signal), { signal, regions });
    return widenSearch(rtt, measured);
  }

  /** @param widen searches for other regions, when those of the request give no slot */
  async #ask(
    options: PlayOptions,
    requestId: string,
    rtt: Readonly<RttOrFailure>,
    widen?: (request: PlayRequest) => Promise<void>,
  ): Promise<Session> {
    const { signal } = options;
    if (Object.keys(rtt).length === 0) throw localError('NO_REGION_MEASURED', { requestId });
    if (signal?.aborted === true) throw abortError(signal);
    if (this.#connection.closing.aborted) throw abortError(this.#connection.closing);
    if (this.#requests.has(requestId)) throw localError('REQUEST_IN_USE', { requestId });

    const { clock, logger, random } = this.#options;
    const request = new PlayRequest(createPlayMessage(options, requestId, rtt), {
      ...options,
      clock,
      logger,
      random,
      send: (message) => this.#connection.send(message),
      onChange: () => this.#requests.handleChange(request),
      // The search fails only if the caller aborts or the client closes, which end the request.
      onShortage: () => void widen?.(request).catch(() => undefined),
    });
    this.#requests.add(request);
    const removeListener =
      signal && onAbort(signal, () => request.dispatch({ type: 'cancel', error: abortError(signal) }));
    try {
      return await request.answer;
    } finally {
      removeListener?.();
    }
  }

  /**
   * A broker reads the round-trip times of a waiting request only from the first `play` on a connection. So the client reconnects for
   * a region that is nearer than all those of the request, which keeps its position.
   */
  async #widen(request: PlayRequest, search: RegionSearch): Promise<void> {
    const wider = await search.result;
    if (wider === undefined || search.isUsed) return;
    search.isUsed = true;
    request.replaceRtt(wider.rtt);
    const { phase, contact } = request.state;
    if (wider.isNearestNew && phase === 'queued' && contact === 'answered') this.#connection.reconnect();
  }

  #handleStatus(status: ClientStatus): void {
    if (status.state === 'waiting') {
      // The device may have changed its network.
      this.#meter.forget();
      this.#requests.handleDisconnect();
    }
    if (status.state === 'closed') this.#requests.close(abortError(this.#connection.closing));
    this.#requests.sendWaiting();
    this.#events.emit('status', status);
  }
}
