import { createServer, connect, type AddressInfo, type Socket } from 'node:net';

/** Traffic of a proxy since its start. */
export interface TcpProxyCounters {
  /** Connections accepted while open or frozen. */
  readonly accepted: number;
  /** Connections reset while cut. */
  readonly refused: number;
  /** Connections that `cut` or `reset` broke. */
  readonly broken: number;
  readonly bytesToTarget: number;
  readonly bytesToClients: number;
}

/** A TCP proxy that simulates network failures. */
export interface TcpProxy {
  readonly port: number;
  /** Open connections of clients. */
  readonly connections: number;
  readonly counters: TcpProxyCounters;
  /** Resets all connections, and every new connection at once, like a machine whose process has ended. */
  cut(): void;
  /** Resets all connections. New connections work. */
  reset(): void;
  /** Accepts connections but forwards nothing, like a network that drops all packets. */
  freeze(): void;
  /** Existing connections get no data and no FIN or RST any more. New connections work. Like a NAT that lost its table. */
  abandon(): void;
  /** Ends `cut` or `freeze`. Frozen connections continue without loss of data. */
  restore(): void;
  stop(): Promise<void>;
}

/** Address to which a proxy forwards. The default host is 127.0.0.1. */
export interface TcpTarget {
  readonly host?: string;
  readonly port: number;
}

/** Listens on a free port of 127.0.0.1 and forwards to the target. */
export async function startTcpProxy(target: TcpTarget): Promise<TcpProxy> {
  let mode: 'open' | 'frozen' | 'cut' = 'open';
  const links = new Set<Link>();
  const abandoned = new Set<Link>();
  const count = { accepted: 0, refused: 0, broken: 0, bytesToTarget: 0, bytesToClients: 0 };

  // Paused, so that a frozen proxy reads no data.
  const server = createServer({ pauseOnConnect: true, allowHalfOpen: true }, (client) => {
    client.on('error', () => undefined);
    if (mode === 'cut') {
      count.refused += 1;
      client.resetAndDestroy();
      return;
    }
    count.accepted += 1;
    const link = new Link(client, target, () => {
      links.delete(link);
      abandoned.delete(link);
      count.bytesToTarget += link.bytesToTarget;
      count.bytesToClients += link.bytesToClient;
    });
    links.add(link);
    if (mode === 'open') link.flow();
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const breakAll = (): void => {
    for (const link of [...links]) {
      count.broken += 1;
      link.break();
    }
  };
  const sum = (read: (link: Link) => number): number =>
    [...links].reduce((total, link) => total + read(link), 0);

  return {
    port: (server.address() as AddressInfo).port,
    get connections() {
      return links.size;
    },
    get counters() {
      return {
        ...count,
        bytesToTarget: count.bytesToTarget + sum((link) => link.bytesToTarget),
        bytesToClients: count.bytesToClients + sum((link) => link.bytesToClient),
      };
    },
    cut() {
      mode = 'cut';
      breakAll();
    },
    reset: breakAll,
    freeze() {
      mode = 'frozen';
      for (const link of links) link.hold();
    },
    abandon() {
      for (const link of links) {
        link.hold();
        abandoned.add(link);
      }
      links.clear();
    },
    restore() {
      mode = 'open';
      for (const link of links) link.flow();
    },
    async stop() {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const link of [...links, ...abandoned]) link.break();
      await closed;
    },
  };
}

/** A client's connection and its connection to the target, which is opened when the proxy first forwards data. */
class Link {
  readonly #client: Socket;
  readonly #target: TcpTarget;
  readonly #onClose: () => void;
  #upstream: Socket | undefined;
  #flowing = false;
  #over = false;

  constructor(client: Socket, target: TcpTarget, onClose: () => void) {
    this.#client = client;
    this.#target = target;
    this.#onClose = onClose;
    client.once('close', () => this.#close());
  }

  get bytesToTarget(): number {
    return this.#upstream?.bytesWritten ?? 0;
  }

  get bytesToClient(): number {
    return this.#client.bytesWritten;
  }

  flow(): void {
    if (this.#flowing || this.#over) return;
    this.#flowing = true;
    const upstream = (this.#upstream ??= this.#dial());
    this.#client.pipe(upstream);
    upstream.pipe(this.#client);
  }

  hold(): void {
    if (!this.#flowing || this.#upstream === undefined) return;
    this.#flowing = false;
    this.#client.unpipe(this.#upstream).pause();
    this.#upstream.unpipe(this.#client).pause();
  }

  /** Resets both connections. */
  break(): void {
    this.#client.resetAndDestroy();
    this.#upstream?.resetAndDestroy();
    this.#close();
  }

  #dial(): Socket {
    const { host = '127.0.0.1', port } = this.#target;
    const upstream = connect({ host, port, allowHalfOpen: true });
    upstream.on('error', () => this.break());
    upstream.once('close', () => this.#client.destroy());
    return upstream;
  }

  #close(): void {
    if (this.#over) return;
    this.#over = true;
    this.#upstream?.destroy();
    this.#onClose();
  }
}
