import { WebSocket } from 'ws';

/** The events of a simulated stream. */
export interface StreamEvents {
  admitted(): void;
  /**
   * @param n the number of the frame on this connection
   * @param count its number in the session, over all connections and hosts
   */
  frame(n: number, count: number): void;
  /** The stream has ended: refused, ended by the host, or the connection was lost. */
  closed(why: string): void;
}

/** A client of a simulated host. */
export interface StreamViewer {
  /** Leaves the session: the host ends it with `client_left`. */
  leave(): void;
  /** Closes the connection without ending the session, for example after it has moved to another host. */
  drop(): void;
}

interface StreamFrame {
  readonly type?: unknown;
  readonly n?: unknown;
  readonly count?: unknown;
  readonly reason?: unknown;
}

/** Connects to a simulated host and shows the ticket. `host-sdk/README.md` describes the messages. */
export function watchStream(endpoint: string, ticket: string, events: StreamEvents): StreamViewer {
  const socket = new WebSocket(endpoint, { perMessageDeflate: false });
  let reason = 'the connection was lost';
  socket.on('open', () => socket.send(JSON.stringify({ type: 'ticket', ticket })));
  socket.on('message', (data: Buffer) => {
    const frame = JSON.parse(data.toString('utf8')) as StreamFrame;
    if (frame.type === 'admitted') events.admitted();
    else if (frame.type === 'frame') events.frame(Number(frame.n), Number(frame.count));
    else reason = `${String(frame.type)}: ${String(frame.reason)}`;
  });
  socket.on('error', (error) => {
    reason = error.message;
  });
  socket.on('close', () => events.closed(reason));
  return {
    leave() {
      reason = 'left';
      if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ type: 'bye' }));
      else socket.terminate();
    },
    drop() {
      reason = 'dropped';
      socket.terminate();
    },
  };
}
