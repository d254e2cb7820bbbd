import type { SocketEvent, SocketLike, WebSocketConstructor } from '@duskline/client/node';
import type { BrokerToClient, ClientToBroker } from '@duskline/protocol';

type Listeners = Record<string, ((event: SocketEvent) => void)[]>;

/** The broker's end of a connection. */
export interface SimulatedLink {
  send(frame: BrokerToClient): void;
}

export interface SimulatedBroker {
  receive(link: SimulatedLink, frame: ClientToBroker): void;
}

class SimulatedSocket implements SocketLike, SimulatedLink {
  readonly #listeners: Listeners = {};
  readonly toBroker: ClientToBroker[] = [];
  readonly toClient: BrokerToClient[] = [];
  isOpen = false;
  isClosed = false;

  addEventListener(type: string, listener: (event: SocketEvent) => void): void {
    (this.#listeners[type] ??= []).push(listener);
  }

  send(frame: string | BrokerToClient): void {
    if (this.isClosed) return;
    if (typeof frame === 'string') this.toBroker.push(JSON.parse(frame) as ClientToBroker);
    else this.toClient.push(frame);
  }

  close(): void {
    this.end(1000);
  }

  emit(event: SocketEvent): void {
    for (const listener of this.#listeners[event.type] ?? []) listener(event);
  }

  end(code: number): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.emit({ type: 'close', code });
  }
}

/** Connections between one client and a broker, on which a test decides what arrives and what is lost. */
export class SimulatedNetwork {
  readonly WebSocket: WebSocketConstructor;
  readonly #broker: SimulatedBroker;
  #socket: SimulatedSocket | undefined;

  constructor(broker: SimulatedBroker) {
    this.#broker = broker;
    const connect = (): SimulatedSocket => (this.#socket = new SimulatedSocket());
    this.WebSocket = function () {
      return connect();
    } as unknown as WebSocketConstructor;
  }

  /** The next frame on its way to the broker arrives. Opens the connection first. Returns whether there was something to do. */
  deliverToBroker(): boolean {
    const socket = this.#socket;
    if (socket === undefined || socket.isClosed) return false;
    if (!socket.isOpen) {
      socket.isOpen = true;
      socket.emit({ type: 'open' });
      return true;
    }
    const frame = socket.toBroker.shift();
    if (frame !== undefined) this.#broker.receive(socket, frame);
    return frame !== undefined;
  }

  /** The next frame on its way to the client arrives. Returns whether there was one. */
  deliverToClient(): boolean {
    const frame = this.#socket?.toClient.shift();
    if (frame === undefined || this.#socket?.isClosed === true) return false;
    this.#socket?.emit({ type: 'message', data: JSON.stringify(frame) });
    return true;
  }

  /** The connection breaks. What is on its way is lost. */
  cut(): void {
    this.#socket?.end(1006);
  }
}
