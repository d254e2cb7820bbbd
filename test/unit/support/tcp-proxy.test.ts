import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { expect } from 'chai';
import { waitUntil } from '../../support/time/eventually.js';
import { startTcpProxy, type TcpProxy } from '../../support/network/tcp-proxy.js';

describe('the TCP proxy of the tests', () => {
  let echo: Server;
  let proxy: TcpProxy;
  const clients: Socket[] = [];
  beforeEach(async () => {
    echo = createServer((socket) => socket.on('error', () => undefined).pipe(socket));
    await once(echo.listen(0, '127.0.0.1'), 'listening');
    proxy = await startTcpProxy({ port: (echo.address() as AddressInfo).port });
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) client.destroy();
    await proxy.stop();
    await new Promise((resolve) => echo.close(resolve));
  });

  /** A client connection, the bytes that it received, and how it ended. */
  async function open(): Promise<{ socket: Socket; text: () => string; error: () => string | undefined }> {
    const socket = connect(proxy.port, '127.0.0.1');
    clients.push(socket);
    let text = '';
    let error: string | undefined;
    socket.on('data', (data: Buffer) => (text += data.toString('utf8')));
    socket.on('error', (reason: NodeJS.ErrnoException) => (error = reason.code));
    await once(socket, 'connect');
    return { socket, text: () => text, error: () => error };
  }

  it('relays all bytes, and counts them', async () => {
    const { socket, text } = await open();
    socket.write('hello');
    await waitUntil(() => text() === 'hello');
    expect(proxy.connections).to.equal(1);
    expect(proxy.counters).to.include({ accepted: 1, refused: 0, bytesToTarget: 5, bytesToClients: 5 });
    socket.end();
    await once(socket, 'close');
    await waitUntil(() => proxy.connections === 0);
  });

  it('resets open connections when it is cut, and new ones', async () => {
    const before = await open();
    before.socket.write('hello');
    await waitUntil(() => before.text() === 'hello');
    proxy.cut();
    await waitUntil(() => before.error() === 'ECONNRESET');
    const during = connect(proxy.port, '127.0.0.1');
    clients.push(during);
    const [error] = (await once(during, 'error')) as [NodeJS.ErrnoException];
    expect(error.code).to.equal('ECONNRESET');
    expect(proxy.counters).to.include({ accepted: 1, refused: 1, broken: 1 });
    proxy.restore();
    const after = await open();
    after.socket.write('again');
    await waitUntil(() => after.text() === 'again');
  });

  it('accepts connections while it is frozen and relays nothing until it is restored', async () => {
    const before = await open();
    before.socket.write('one ');
    await waitUntil(() => before.text() === 'one ');
    proxy.freeze();
    before.socket.write('two');
    const during = await open();
    during.socket.write('three');
    expect(proxy.counters.bytesToTarget).to.equal(4);
    proxy.restore();
    await waitUntil(() => before.text() === 'one two' && during.text() === 'three');
  });

  it('leaves abandoned connections open without relaying, and accepts new ones', async () => {
    const before = await open();
    before.socket.write('one');
    await waitUntil(() => before.text() === 'one');
    proxy.abandon();
    before.socket.write('two');
    const after = await open();
    after.socket.write('three');
    await waitUntil(() => after.text() === 'three');
    proxy.restore();
    expect(before.text()).to.equal('one');
    expect(before.error()).to.equal(undefined);
  });
});
