import type { ClientToBroker, ErrorMessage, Matched, Play } from '@duskline/protocol';
import type { ErrorCode } from '@duskline/protocol/codes';
import { aMatch } from '../scripted-broker.js';
import type { SimulatedBroker, SimulatedLink } from './simulated-network.js';

interface Request {
  readonly requestId: string;
  readonly sessionId: string;
  state: 'waiting' | 'offered' | 'session' | 'ended' | 'cancelled';
  /** The connection that receives its messages. */
  link: SimulatedLink;
}

/** Who is told when the answer of the store is lost. */
const NOBODY: SimulatedLink = { send: () => undefined };

/**
 * A broker with its store, for one player: as far as `PROTOCOL.md` says what it does with `play`, `accept`, `cancel` and `end`. A
 * test decides when slots are free and when the store is away.
 */
export class ModelBroker implements SimulatedBroker {
  readonly refusals: ErrorCode[] = [];
  /** `lost`: the store carries out what it is told, and its answers are lost. */
  store: 'present' | 'away' | 'lost' = 'present';
  hasFreeSlot = true;
  readonly #requests = new Map<string, Request>();

  /** The request or session that the player has here. */
  get live(): Request | undefined {
    return [...this.#requests.values()].find(({ state }) => state !== 'ended' && state !== 'cancelled');
  }

  receive(link: SimulatedLink, frame: ClientToBroker): void {
    switch (frame.type) {
      case 'hello':
        link.send({
          type: 'welcome',
          connectionId: 'c1',
          playerId: 'ada',
          regions: [],
          pingIntervalMs: 15_000,
          resumeToken: 'resume-token-of-ada',
        });
        return;
      case 'ping':
        link.send({ type: 'pong', id: frame.id });
        return;
      case 'play':
        this.#askStore(link, { requestId: frame.requestId }, (to) => this.#play(to, frame));
        return;
      case 'accept':
        this.#askStore(link, { requestId: frame.requestId }, (to) => this.#accept(to, frame.requestId));
        return;
      case 'cancel':
        this.#askStore(link, { requestId: frame.requestId }, (to) => this.#cancel(to, frame.requestId));
        return;
      case 'end':
        this.#askStore(link, { sessionId: frame.sessionId }, (to) => this.#end(to, frame.sessionId));
        return;
      case 'stay':
      case 'signal':
        return;
    }
  }

  /** A slot becomes free: the waiting request gets an offer. */
  offer(): void {
    const { live } = this;
    if (live?.state !== 'waiting') return;
    live.state = 'offered';
    this.#sendOffer(live);
  }

  /** The offer is missed. */
  expireOffer(): void {
    const { live } = this;
    if (live?.state !== 'offered') return;
    live.state = 'waiting';
    this.#sendQueued(live);
  }

  /** The host ends the session. */
  endByHost(): void {
    const { live } = this;
    if (live?.state !== 'session') return;
    live.state = 'ended';
    live.link.send({ type: 'session', ...this.#assignment(live), state: 'ended', reason: 'host_ended' });
  }

  #askStore(link: SimulatedLink, about: Partial<ErrorMessage>, act: (link: SimulatedLink) => void): void {
    if (this.store === 'present') {
      act(link);
      return;
    }
    if (this.store === 'lost') act(NOBODY);
    this.#refuse(link, 'UNAVAILABLE', about);
  }

  #play(link: SimulatedLink, { requestId, wait = true }: Play): void {
    const known = this.#requests.get(requestId);
    if (known === undefined) {
      if (this.live !== undefined) {
        this.#refuse(link, 'SESSION_EXISTS', { requestId });
        return;
      }
      if (!this.hasFreeSlot && !wait) {
        this.#refuse(link, 'NO_CAPACITY', { requestId });
        return;
      }
    }
    const sessionId = `0198c0de-0000-7000-8000-${String(this.#requests.size + 1).padStart(12, '0')}`;
    const request = known ?? { requestId, sessionId, state: this.hasFreeSlot ? 'session' : 'waiting', link };
    this.#requests.set(requestId, request);
    request.link = link;
    switch (request.state) {
      case 'waiting':
        this.#sendQueued(request);
        return;
      case 'offered':
        this.#sendOffer(request);
        return;
      case 'session':
        this.#sendMatched(request);
        return;
      case 'ended':
        this.#refuse(link, 'SESSION_OVER', { requestId });
        return;
      case 'cancelled':
        this.#refuse(link, 'CANCELLED', { requestId });
        return;
    }
  }

  #accept(link: SimulatedLink, requestId: string): void {
    const request = this.#requests.get(requestId);
    if (request?.state !== 'offered' || request.link !== link) {
      this.#refuse(link, 'NO_OFFER', { requestId });
      return;
    }
    request.state = 'session';
    this.#sendMatched(request);
  }

  #cancel(link: SimulatedLink, requestId: string): void {
    const request = this.#requests.get(requestId);
    if (request?.state === 'session') {
      link.send({ type: 'session', ...this.#assignment(request), state: 'ended', reason: 'client_left' });
      request.state = 'ended';
    }
    if (request !== undefined && request.state !== 'ended') request.state = 'cancelled';
    this.#refuse(link, 'CANCELLED', { requestId });
  }

  #end(link: SimulatedLink, sessionId: string): void {
    const request = [...this.#requests.values()].find((other) => other.sessionId === sessionId);
    if (request?.state !== 'session' || request.link !== link) {
      this.#refuse(link, 'UNKNOWN_SESSION', { sessionId });
      return;
    }
    request.state = 'ended';
    link.send({ type: 'session', ...this.#assignment(request), state: 'ended', reason: 'client_left' });
  }

  #assignment({ sessionId }: Request): Pick<Matched, 'sessionId' | 'epoch'> {
    return { sessionId, epoch: 1 };
  }

  #sendMatched({ requestId, sessionId, link }: Request): void {
    link.send({ ...aMatch(requestId), sessionId });
  }

  #sendQueued({ requestId, link }: Request): void {
    link.send({ type: 'queued', requestId, position: 1, region: 'dublin' });
  }

  #sendOffer({ requestId, link }: Request): void {
    link.send({ type: 'offer', requestId, region: 'dublin', acceptWithinMs: 15_000 });
  }

  #refuse(link: SimulatedLink, code: ErrorCode, about: Partial<ErrorMessage>): void {
    this.refusals.push(code);
    const retryable = code === 'UNAVAILABLE' || code === 'NO_CAPACITY';
    link.send({
      type: 'error',
      code,
      message: 'No.',
      retryable,
      ...(retryable && { retryAfterMs: 1_000 }),
      ...about,
    });
  }
}
