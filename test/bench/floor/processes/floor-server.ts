/**
 * The floor server, the baseline of the broker: the same frames of the same sizes on the same kinds of sockets, and the same
 * script calls with only their unavoidable writes. It has no state of the fleet and checks and signs nothing: hosts get
 * players in turn, and all values that are not in a frame are constants.
 *
 *     node floor-server.js <port> <redis url>
 */
import { createServer } from 'node:http';
import { CLIENT_PATH, SUBPROTOCOL } from '@duskline/protocol/constants';
import { WebSocketServer, type WebSocket } from 'ws';
import { createFloorScripts, type FloorSession } from './floor-scripts.js';

interface Match extends FloorSession {
  readonly player: WebSocket;
  readonly host: Host;
}

interface Host {
  readonly socket: WebSocket;
  readonly hostId: string;
  readonly endpoint: string;
}

interface Change {
  readonly match: Match;
  readonly state: 'active' | 'connected';
}

interface Frame {
  readonly type: string;
  readonly requestId: string;
  readonly sessionId: string;
  readonly hostId: string;
  readonly endpoint: string;
  readonly state: 'active' | 'connected';
}

const HEARTBEAT_BATCH_MS = 50;
const STREAM = { codec: 'hevc', resolution: '2160p', fps: 60 };
/** As long as a real ticket. */
const TICKET = 'eyJ'.padEnd(323, 'x');

const [port = '0', redisUrl = ''] = process.argv.slice(2);
const scripts = createFloorScripts(redisUrl);
const hosts: Host[] = [];
const matches = new Map<string, Match>();
let lastNumber = 0;

/** Collects the items of one turn of the event loop into one call. */
function perTurn<Item>(run: (items: readonly Item[]) => void): (item: Item) => void {
  let waiting: Item[] = [];
  const flush = (): void => {
    const items = waiting;
    waiting = [];
    run(items);
  };
  return (item) => {
    if (waiting.push(item) === 1) setImmediate(flush);
  };
}

const reserve = perTurn<Match>((batch) => {
  const recorded = scripts.recordRequests(batch);
  void Promise.all([recorded, scripts.reserve(batch)]).then(() => batch.forEach(sendMatched));
});
const transition = perTurn<Change>((batch) => {
  void scripts.transition(batch.map(({ match }) => match)).then(() => {
    for (const { match, state } of batch) {
      const { sessionId } = match;
      match.player.send(JSON.stringify({ type: 'session', sessionId, epoch: 1, state }));
    }
  });
});
const release = perTurn<Match>((batch) => {
  void scripts.release(batch).then(() => batch.forEach(sendEnded));
});

function sendMatched({ player, host, sessionId, requestId, playerId }: Match): void {
  const { hostId, endpoint } = host;
  host.socket.send(
    JSON.stringify({
      type: 'prepare',
      sessionId,
      epoch: 1,
      title: 'drift',
      playerId,
      stream: STREAM,
      claimWithinMs: 30_000,
    }),
  );
  player.send(
    JSON.stringify({
      type: 'matched',
      requestId,
      sessionId,
      epoch: 1,
      title: 'drift',
      region: 'near',
      pool: 'console-x',
      host: { hostId, endpoint },
      ticket: TICKET,
      claimWithinMs: 30_000,
      stream: STREAM,
      rank: 1,
      candidates: 2,
      rttMs: 11.4,
      reason: 'near/console-x (11 ms away, 20 % in use): the nearest suitable region.',
    }),
  );
}

function sendEnded({ player, host, sessionId }: Match): void {
  matches.delete(sessionId);
  const end = { sessionId, epoch: 1, reason: 'client_left' };
  player.send(JSON.stringify({ type: 'session', ...end, state: 'ended' }));
  host.socket.send(JSON.stringify({ type: 'end', ...end }));
}

function openClient(player: WebSocket): void {
  lastNumber += 1;
  const playerId = `player-${String(lastNumber).padStart(6, '0')}`;
  player.on('message', (data: Buffer) => {
    const frame = JSON.parse(data.toString('utf8')) as Frame;
    if (frame.type === 'play') {
      const host = hosts[(lastNumber += 1) % hosts.length];
      if (host === undefined) throw new Error('No host is registered.');
      const sessionId = `019a0000-0000-7000-8000-${lastNumber.toString(16).padStart(12, '0')}`;
      const { requestId } = frame;
      const match = { player, host, hostId: host.hostId, sessionId, playerId, requestId };
      matches.set(sessionId, match);
      reserve(match);
    } else if (frame.type === 'end') {
      const match = matches.get(frame.sessionId);
      if (match !== undefined) release(match);
    } else player.send(JSON.stringify({ type: 'welcome' }));
  });
}

function openHost(socket: WebSocket): void {
  let hostId = '';
  socket.on('message', (data: Buffer) => {
    const frame = JSON.parse(data.toString('utf8')) as Frame;
    if (frame.type === 'session') {
      const match = matches.get(frame.sessionId);
      if (match !== undefined) transition({ match, state: frame.state });
    } else if (frame.type === 'heartbeat') collectHeartbeat(hostId);
    else {
      ({ hostId } = frame);
      hosts.push({ socket, hostId, endpoint: frame.endpoint });
      socket.send(JSON.stringify({ type: 'registered' }));
    }
  });
}

let heartbeats: string[] = [];

function collectHeartbeat(hostId: string): void {
  if (heartbeats.push(hostId) > 1) return;
  setTimeout(() => {
    const batch = heartbeats;
    heartbeats = [];
    void scripts.heartbeat(batch);
  }, HEARTBEAT_BATCH_MS);
}

const upgrader = new WebSocketServer({
  noServer: true,
  maxPayload: 65_536,
  perMessageDeflate: false,
  handleProtocols: (offered) => (offered.has(SUBPROTOCOL) ? SUBPROTOCOL : false),
});
const server = createServer((_request, response) => response.end());
server.on('upgrade', (request, socket, head) => {
  upgrader.handleUpgrade(request, socket, head, request.url === CLIENT_PATH ? openClient : openHost);
});
server.listen(Number(port), '127.0.0.1');
// `process.exit` lets Node write a CPU profile, which a death by SIGTERM does not.
process.once('SIGTERM', () => process.exit(0));
