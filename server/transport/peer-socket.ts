import { WebSocket } from 'ws';

/** Receives the events of a socket. */
export interface SocketListener {
  onMessage(data: Buffer, isBinary: boolean): void;
  onPong(): void;
  onError(error: Error): void;
  onClose(): void;
}

/**
 * A `ws` socket with a listener object. All sockets share the event handlers, so that an idle connection needs no closures.
 */
export class PeerSocket extends WebSocket {
  listener: SocketListener | undefined;

  /** Delivers all events of the socket to the listener. Call it once. */
  listen(listener: SocketListener): void {
    this.listener = listener;
    this.on('message', onMessage);
    this.on('pong', onPong);
    this.on('error', onError);
    this.on('close', onClose);
  }
}

function onMessage(this: WebSocket, data: unknown, isBinary: boolean): void {
  // `ws` delivers each message as one Buffer by default (`binaryType` nodebuffer).
  listenerOf(this)?.onMessage(data as Buffer, isBinary);
}

function onPong(this: WebSocket): void {
  listenerOf(this)?.onPong();
}

function onError(this: WebSocket, error: Error): void {
  listenerOf(this)?.onError(error);
}

function onClose(this: WebSocket): void {
  listenerOf(this)?.onClose();
}

function listenerOf(socket: WebSocket): SocketListener | undefined {
  return socket instanceof PeerSocket ? socket.listener : undefined;
}
