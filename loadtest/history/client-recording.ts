import type { BrokerToClient, ClientToBroker, Play } from '@duskline/protocol';
import { WebSocket } from 'ws';
import { hostName } from './events.js';
import type { Recorder } from './recorder.js';

/** Records the frames of a player's client as events. */
export interface ClientRecording {
  recordSent(frame: ClientToBroker): void;
  recordReceived(frame: BrokerToClient): void;
  recordClose(code: number): void;
}

/** Creates a recording for the connections of one player, of which at most one is open at a time. */
export function createClientRecording({ record }: Recorder, player: string): ClientRecording {
  let connected = false;
  return {
    recordSent(frame) {
      switch (frame.type) {
        case 'play': {
          record({ type: 'requested', player, ...allowedRegions(frame) });
          return;
        }
        case 'accept': {
          record({ type: 'accepted', player, requestId: frame.requestId });
          return;
        }
        case 'cancel': {
          record({ type: 'cancelled', player, requestId: frame.requestId });
          return;
        }
        case 'end': {
          record({ type: 'left', player, sessionId: frame.sessionId });
          return;
        }
        case 'hello':
        case 'stay':
        case 'signal':
        case 'ping':
          return;
      }
    },
    recordReceived(frame) {
      switch (frame.type) {
        case 'welcome':
          connected = true;
          {
            record({ type: 'connected', player });
            return;
          }
        case 'queued': {
          const { requestId, position, region } = frame;
          record({ type: 'queued', player, requestId, position, region });
          return;
        }
        case 'offer': {
          const { requestId, region, acceptWithinMs } = frame;
          record({ type: 'offered', player, requestId, region, acceptWithinMs });
          return;
        }
        case 'matched': {
          const { requestId, sessionId, epoch, region, pool, rank, candidates, rttMs, claimWithinMs } = frame;
          const host = hostName(region, pool, frame.host.hostId);
          const where = { host, region, pool, rank, candidates, rttMs };
          record({ type: 'matched', player, requestId, sessionId, epoch, ...where, claimWithinMs });
          return;
        }
        case 'moving': {
          const { sessionId, epoch, region, pool, host } = frame;
          record({ type: 'moving', player, sessionId, epoch, host: hostName(region, pool, host.hostId) });
          return;
        }
        case 'session': {
          const { sessionId, epoch, state, reason = 'error' } = frame;
          if (state === 'ended') {
            record({ type: 'session-ended', player, sessionId, epoch, reason });
            return;
          }
          record({ type: 'session-state', player, sessionId, epoch, state });
          return;
        }
        case 'error': {
          const { requestId, code } = frame;
          if (requestId !== undefined) record({ type: 'refused', player, requestId, code });
          return;
        }
        case 'replaced':
          record({ type: 'refused', player, requestId: frame.requestId, code: 'REPLACED' });
          return;
        case 'limit':
        case 'signal':
        case 'pong':
          return;
      }
    },
    recordClose(code) {
      if (connected) record({ type: 'disconnected', player, code });
      connected = false;
    },
  };
}

/** Sockets of one client, for its `WebSocket` option. */
export interface RecordedSockets {
  readonly WebSocket: new (url: string, protocols: string) => WebSocket;
  /** Destroys the open socket, as a network failure does. @returns whether there was one */
  cutSocket(): boolean;
}

/** Creates a WebSocket class whose sockets record their frames. */
export function createRecordedSockets(recorder: Recorder, player: string): RecordedSockets {
  const recording = createClientRecording(recorder, player);
  let open: WebSocket | undefined;
  const opened = (socket: WebSocket): void => {
    open = socket;
    socket.on('message', (data: Buffer) => {
      recording.recordReceived(JSON.parse(data.toString('utf8')) as BrokerToClient);
    });
    socket.on('close', (code) => {
      if (open === socket) open = undefined;
      recording.recordClose(code);
    });
  };
  class RecordedWebSocket extends WebSocket {
    constructor(url: string, protocols: string) {
      super(url, protocols, { perMessageDeflate: false });
      opened(this);
    }

    override send(data: string): void {
      recording.recordSent(JSON.parse(data) as ClientToBroker);
      super.send(data);
    }
  }
  return {
    WebSocket: RecordedWebSocket,
    cutSocket() {
      if (open === undefined) return false;
      open.terminate();
      return true;
    },
  };
}

function allowedRegions({ requestId, title, rtt, regions }: Play): {
  requestId: string;
  title: string;
  rtt: Play['rtt'];
} {
  const allowed = Object.entries(rtt).filter(
    ([region]) => regions?.only?.includes(region) !== false && regions?.exclude?.includes(region) !== true,
  );
  return { requestId, title, rtt: Object.fromEntries(allowed) };
}
