import type { BrokerToClient, ClientHello, ClientToBroker } from '@duskline/protocol';
import { parseClientMessage } from '@duskline/protocol/validation';
import type { ClientConnection } from '../broker/connections/connections.js';
import type { Broker } from '../broker/broker.js';
import { Refusal, errorMessage } from '../broker/refusal.js';
import type { Runtime } from '../runtime/runtime.js';
import type { AdmitPlayer } from './admit-player.js';
import type { MessageHandler } from './connection-handler.js';
import { SignalBudgets } from './signal-budgets.js';
import type { SocketChannel } from './socket.js';

/** What all client connections of a broker share. */
export interface ClientHandlerOptions extends Runtime {
  readonly broker: Broker;
  readonly admit: AdmitPlayer;
}

/** Data of a client's upgrade request. */
export interface ClientUpgrade {
  /** Token of the `Authorization` header, if there was one. */
  readonly headerToken: string | undefined;
  /** URL of this broker's beacon, as the client reaches it. */
  readonly beaconUrl: string;
}

/** Handles the messages of one client: `hello` first, then requests. */
export class ClientMessageHandler implements MessageHandler<ClientToBroker> {
  readonly parse = parseClientMessage;
  readonly #options: ClientHandlerOptions;
  readonly #channel: SocketChannel<BrokerToClient>;
  /** Dropped once `hello` is accepted, to save memory. */
  #upgrade: ClientUpgrade | undefined;
  #client: ClientConnection | undefined;
  #signals: SignalBudgets | undefined;

  constructor(options: ClientHandlerOptions, channel: SocketChannel<BrokerToClient>, upgrade: ClientUpgrade) {
    this.#options = options;
    this.#channel = channel;
    this.#upgrade = upgrade;
  }

  get established(): boolean {
    return this.#client !== undefined;
  }

  handle(message: ClientToBroker): Promise<void> | void {
    const client = this.#client;
    if (client === undefined) {
      if (message.type === 'hello') return this.#handleHello(message);
      this.#channel.closeWith('BAD_MESSAGE', {
        message: 'The first message must be hello.',
        inReplyTo: message.type,
      });
      return;
    }
    const { broker } = this.#options;
    switch (message.type) {
      case 'hello':
        this.#sendRefusal(
          new Refusal('OUT_OF_ORDER', {
            message: 'hello was sent before. It is allowed once per connection.',
          }),
          message.type,
        );
        return;
      case 'play':
        return broker.play(client, message);
      case 'accept':
        broker.acceptOffer(client, message);
        return;
      case 'cancel':
        return broker.cancelPlay(client, message);
      case 'end':
        return broker.endSession(client, message);
      case 'stay':
        return broker.declineMove(client, message);
      case 'signal': {
        const { sessionId } = message;
        this.#signals ??= new SignalBudgets();
        if (this.#signals.spend(sessionId, this.#options.clock.monotonicMs()))
          return broker.relayClientSignal(client, message);
        this.#sendRefusal(new Refusal('TOO_MANY_SIGNALS'), message.type, sessionId);
        return;
      }
      case 'ping':
        this.#channel.send({ type: 'pong', id: message.id });
        return;
    }
  }

  closed(): void {
    if (this.#client !== undefined) this.#options.broker.closeClient(this.#client);
  }

  async #handleHello(message: ClientHello): Promise<void> {
    const { broker, admit } = this.#options;
    await broker.awaitConnectTurn();
    const upgrade = this.#upgrade;
    // The client has disconnected: do not use up its resume token.
    if (!this.#isOpen() || upgrade === undefined) return;
    const { token = upgrade.headerToken, resumeToken } = message;
    const admission = await admit({ token, resumeToken });
    if (!admission.ok) {
      const { code, ...details } = admission;
      this.#channel.closeWith(code, { ...details, inReplyTo: 'hello' });
      return;
    }
    if (!this.#isOpen()) return;
    this.#client = broker.openClient(this.#channel, admission.player, message, upgrade.beaconUrl);
    this.#upgrade = undefined;
  }

  #isOpen(): boolean {
    return this.#channel.open;
  }

  #sendRefusal(refusal: Refusal, inReplyTo: ClientToBroker['type'], sessionId?: string): void {
    this.#channel.send(errorMessage(refusal, this.#options.random, { inReplyTo, sessionId }));
  }
}
