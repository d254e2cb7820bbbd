import {
  createClient,
  type Client,
  type ClientOptions,
  type ClientStatus,
  type ReconnectPolicy,
} from '@duskline/client/node';
import { EventBuffer } from '../../support/event-buffer.js';
import { ScriptedBroker } from './scripted-broker.js';

export const DEVICE = { kind: 'pc', codecs: ['av1', 'h264'], maxResolution: '1440p' } as const;
export const TOKEN = 'token-of-ada-0123456789';

/** A reconnect policy without delays, for tests of what happens after a retry. */
export const AT_ONCE: ReconnectPolicy = { nextRetryDelayInMs: () => 0 };

export interface Fixture {
  readonly broker: ScriptedBroker;
  readonly client: Client;
  readonly statuses: EventBuffer<ClientStatus>;
}

/** Brokers and clients of one test. Call `stop()` in `afterEach`. */
export class Fixtures {
  readonly #clients: Client[] = [];
  readonly #brokers: ScriptedBroker[] = [];

  async broker(): Promise<ScriptedBroker> {
    const broker = await ScriptedBroker.start();
    this.#brokers.push(broker);
    return broker;
  }

  /** Creates a client that is not connected yet, and records its statuses. */
  client(options: Partial<ClientOptions> & Pick<ClientOptions, 'url'>): Omit<Fixture, 'broker'> {
    const client = createClient({
      token: TOKEN,
      device: { ...DEVICE, codecs: [...DEVICE.codecs] },
      ...options,
    });
    this.#clients.push(client);
    const statuses = new EventBuffer<ClientStatus>('status of the client');
    client.on('status', (status) => statuses.add(status));
    return { client, statuses };
  }

  async pair(options: Partial<ClientOptions> = {}): Promise<Fixture> {
    const broker = await this.broker();
    return { broker, ...this.client({ url: broker.url, reconnect: AT_ONCE, ...options }) };
  }

  async stop(): Promise<void> {
    await Promise.all(this.#clients.splice(0).map((client) => client.close()));
    await Promise.all(this.#brokers.splice(0).map((broker) => broker.stop()));
  }
}

/** Returns the error of a promise that must reject. */
export async function failure(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error('It should have been rejected.');
}
