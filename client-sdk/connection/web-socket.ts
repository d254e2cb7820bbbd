/** The fields of socket events that the SDK reads: `data` of `message`, `code` of `close`. */
export interface SocketEvent {
  readonly type: string;
  readonly data?: unknown;
  readonly code?: number;
}

/** The part of the WebSocket interface that the SDK uses. The browser's `WebSocket` and that of `ws` both fit. */
export interface SocketLike {
  addEventListener(
    type: 'open' | 'message' | 'close' | 'error',
    listener: (event: SocketEvent) => void,
  ): void;
  send(data: string): void;
  close(code?: number): void;
}

export type WebSocketConstructor = new (url: string, protocols: string) => SocketLike;
