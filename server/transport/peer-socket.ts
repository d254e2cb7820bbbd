import { WebSocket } from 'ws';

/** Who hears of what comes over a socket. */
export interface SocketListener {
  onMessage(data: Buffer, isBinary: boolean): void;
  onPong(): void;
  onError(error: Error): void;
  onClose(): void;
}

/**
 * A `ws` socket that knows its listener. The handlers are the same for all sockets, so that an idle connection has no
 * closures of its own.
 */
export class PeerSocket extends WebSocket {
  listener: SocketListener | undefined;

  listen(listener: SocketListener): void {
    this.listener = listener;
    this.on('message', onMessage);
    this.on('pong', onPong);
    this.on('error', onError);
    this.on('close', onClose);
  }
}

function onMessage(this: WebSocket, data: unknown, isBinary: boolean): void {
  // ws gives frames as one Buffer unless told otherwise.
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
