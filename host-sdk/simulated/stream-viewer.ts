import { WebSocket } from 'ws';

/** What a viewer of a simulated stream is told. */
export interface StreamEvents {
  admitted(): void;
  /** @param count the number of the picture in the session, which goes on over connections and hosts */
  frame(n: number, count: number): void;
  /** The stream is over: refused, ended by the host, or the socket was lost. */
  closed(why: string): void;
}

/** A client of a simulated host: shows the ticket, counts frames, says goodbye. */
export interface StreamViewer {
  /** Leaves in order: the host ends the session with `client_left`. */
  leave(): void;
  /** Goes without a word: the session is not ended by it. For a session that has moved to another host. */
  drop(): void;
}

interface StreamFrame {
  readonly type?: unknown;
  readonly n?: unknown;
  readonly count?: unknown;
  readonly reason?: unknown;
}

/** Connects to a simulated host as `host-sdk/README.md` describes it. */
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
