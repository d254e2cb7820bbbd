import type { BrokerToHost, HostToBroker, Register } from '@duskline/protocol';
import { parseHostMessage } from '@duskline/protocol/validation';
import type { HostConnection } from '../broker/connections/connections.js';
import type { Broker } from '../broker/broker.js';
import { Refusal, errorMessage, retryAfterOf, toRefusal } from '../broker/refusal.js';
import type { HostBinding } from '../broker/hosts/register-host.js';
import type { Authenticate } from './authenticate.js';
import type { Runtime } from '../runtime/runtime.js';
import type { MessageHandler } from './connection-handler.js';
import { SignalBudgets } from './signal-budgets.js';
import type { SocketChannel } from './socket.js';

/** What all host connections of a broker share. */
export interface HostHandlerOptions extends Runtime {
  readonly broker: Broker;
  readonly authenticate: Authenticate<HostBinding>;
}

/** Handles the messages of one host: `register` first, then heartbeats and reports of sessions. */
export class HostMessageHandler implements MessageHandler<HostToBroker> {
  readonly parse = parseHostMessage;
  readonly #options: HostHandlerOptions;
  readonly #channel: SocketChannel<BrokerToHost>;
  /** Token of the `Authorization` header of the upgrade request, if there was one. Dropped once the host is registered. */
  #headerToken: string | undefined;
  /** Two budgets, so that a session with many signals still gets its `limit` messages. */
  readonly #budgets = { signal: new SignalBudgets(), limit: new SignalBudgets() };
  #host: HostConnection | undefined;

  constructor(
    options: HostHandlerOptions,
    channel: SocketChannel<BrokerToHost>,
    headerToken: string | undefined,
  ) {
    this.#options = options;
    this.#channel = channel;
    this.#headerToken = headerToken;
  }

  get established(): boolean {
    return this.#host !== undefined;
  }

  handle(message: HostToBroker): Promise<void> | void {
    const host = this.#host;
    if (host === undefined) {
      if (message.type === 'register') return this.#handleRegister(message);
      this.#channel.closeWith('BAD_MESSAGE', 'The first message must be register.');
      return;
    }
    const { type } = message;
    if (type === 'register') {
      this.#sendRefusal(
        new Refusal('OUT_OF_ORDER', {
          message: 'register was sent before. It is allowed once per connection.',
        }),
      );
      return;
    }
    if (type === 'signal' || type === 'limit') {
      const { sessionId } = message;
      if (!this.#budgets[type].spend(sessionId, this.#options.clock.monotonicMs())) {
        this.#sendRefusal(new Refusal('TOO_MANY_SIGNALS'), sessionId);
        return;
      }
    }
    if (type === 'leave') return this.#handleLeave(host, message);
    return this.#options.broker.handleHostMessage(host, message);
  }

  closed(): void {
    if (this.#host !== undefined) this.#options.broker.closeHost(this.#host);
  }

  async #handleRegister(message: Register): Promise<void> {
    const { broker, authenticate } = this.#options;
    const result = await authenticate(message.token ?? this.#headerToken);
    if (!result.ok) {
      this.#channel.closeWith(result.code, result.message, result.retryAfterMs);
      return;
    }
    try {
      const host = await broker.openHost(this.#channel, result.principal, message);
      // The socket may have closed while the store registered the host.
      if (this.#channel.open) this.#host = host;
      else broker.closeHost(host);
      this.#headerToken = undefined;
    } catch (error) {
      const refusal = toRefusal(error);
      if (refusal.code === 'INTERNAL') throw error;
      this.#channel.closeWith(refusal.code, refusal.message, retryAfterOf(refusal, this.#options.random));
    }
  }

  async #handleLeave(host: HostConnection, message: Extract<HostToBroker, { type: 'leave' }>): Promise<void> {
    await this.#options.broker.handleHostMessage(host, message);
    this.#channel.closeNormally();
  }

  #sendRefusal(refusal: Refusal, sessionId?: string): void {
    this.#channel.send(errorMessage(refusal, this.#options.random, { sessionId }));
  }
}
