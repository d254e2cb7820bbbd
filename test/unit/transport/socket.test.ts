import { systemRuntime } from '@duskline/server/runtime/system-runtime.js';
import { SocketChannel } from '@duskline/server/transport/socket.js';
import { WriteQueue } from '@duskline/server/transport/write-queue.js';
import { expect } from 'chai';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { WebSocket, WebSocketServer } from 'ws';
import { waitUntil } from '../../support/time/eventually.js';
import { nextTurn } from '../../support/time/event-loop.js';

interface Note {
  readonly type: 'note';
  readonly text: string;
}

const note = (text: string): Note => ({ type: 'note', text });

/** A channel over a real socket, and the frames that its peer receives. */
class Line {
  readonly received: string[] = [];
  closedWith: number | undefined;
  /** Bytes on the wire since the channel was created. */
  writes = 0;

  private constructor(
    readonly channel: SocketChannel<Note>,
    readonly server: WebSocketServer,
    peer: WebSocket,
    wire: Socket,
  ) {
    peer.on('message', (data: Buffer) =>
      this.received.push(
        (JSON.parse(data.toString('utf8')) as { text?: string; code: string }).text ?? 'error',
      ),
    );
    peer.on('close', (code) => (this.closedWith = code));
    const write = wire.write.bind(wire) as (...args: unknown[]) => boolean;
    wire.write = (...args: unknown[]) => {
      this.writes += 1;
      return write(...args);
    };
  }

  static async open(maxSocketBufferBytes = 1_000_000): Promise<Line> {
    const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false });
    await once(server, 'listening');
    const peer = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`);
    const [[socket, request]] = (await Promise.all([once(server, 'connection'), once(peer, 'open')])) as [
      [WebSocket, IncomingMessage],
      unknown,
    ];
    const rules = { maxSocketBufferBytes, writes: new WriteQueue(systemRuntime.clock), ...systemRuntime };
    const channel = new SocketChannel<Note>('b.1', socket, request.socket, rules);
    return new Line(channel, server, peer, request.socket);
  }

  async close(): Promise<void> {
    for (const socket of this.server.clients) socket.terminate();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

describe('A channel over a socket', () => {
  let line: Line;
  const open = async (maxSocketBufferBytes?: number): Promise<Line> =>
    (line = await Line.open(maxSocketBufferBytes));
  afterEach(() => line.close());

  it('writes all frames of one turn at once, in order', async () => {
    const { channel, received } = await open();
    for (const text of ['one', 'two', 'three']) channel.send(note(text));
    await waitUntil(() => received.length === 3);
    expect(received).to.deep.equal(['one', 'two', 'three']);
    expect(line.writes).to.equal(1);
  });

  it('writes frames of promises that wait for the same reply at once', async () => {
    const { channel, received } = await open();
    const reply = nextTurn();
    const sendAfterReply = async (text: string): Promise<void> => {
      await reply;
      await Promise.resolve();
      channel.send(note(text));
    };
    await Promise.all(['one', 'two', 'three'].map(sendAfterReply));
    await waitUntil(() => received.length === 3);
    expect(line.writes).to.equal(1);
  });

  it('keeps the order when frames are long or not plain ASCII', async () => {
    const { channel, received } = await open();
    const texts = ['one', 'Zürich 夜', 'two', 'x'.repeat(70_000), 'three'];
    for (const text of texts) channel.send(note(text));
    await waitUntil(() => received.length === texts.length);
    expect(received).to.deep.equal(texts);
  });

  it('writes pending frames before it closes, and nothing afterwards', async () => {
    const { channel, received } = await open();
    channel.send(note('one'));
    channel.closeWith('SLOW_CONSUMER');
    channel.send(note('two'));
    await waitUntil(() => line.closedWith !== undefined);
    expect(received).to.deep.equal(['one', 'error']);
    expect(line.closedWith).to.equal(4413);
  });

  it('writes nothing after its peer closed', async () => {
    const { channel, received } = await open();
    const [socket] = line.server.clients;
    socket!.close(1000);
    channel.send(note('late'));
    await waitUntil(() => line.closedWith !== undefined);
    expect(received).to.deep.equal([]);
    expect(line.closedWith).to.equal(1000);
  });

  it('counts unwritten frames as buffered', async () => {
    const { channel, received } = await open(1_000);
    for (let i = 0; i < 4; i += 1) channel.send(note('x'.repeat(600)));
    await waitUntil(() => line.closedWith !== undefined);
    expect(received).to.have.length(2);
    expect(line.closedWith).to.equal(4413);
  });
});
