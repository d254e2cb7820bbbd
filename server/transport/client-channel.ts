import type { BrokerToClient, ClientHello, ClientToBroker } from '@duskline/protocol';
import { parseClientMessage } from '@duskline/protocol/validation';
import type { ClientConnection } from '../broker/connections.js';
import type { Broker } from '../broker/create-broker.js';
import { Refusal, errorMessage } from '../broker/refusal.js';
import type { AdmitPlayer } from './admit-player.js';
import type { Conversation } from './conversation.js';
import { SignalBudgets } from './signal-budgets.js';
import type { SocketChannel } from './socket.js';

export interface ClientChannelOptions {
  readonly broker: Broker;
  readonly channel: SocketChannel<BrokerToClient>;
  readonly admit: AdmitPlayer;
  /** Token of the upgrade request, if it had one. */
  readonly headerToken: string | undefined;
  readonly beaconUrl: string;
}

/** The players' side: `hello` first, then requests. */
export function createClientConversation(options: ClientChannelOptions): Conversation<ClientToBroker> {
  const { broker, channel } = options;
  const signals = new SignalBudgets();
  let client: ClientConnection | undefined;

  const isThere = (): boolean => channel.open;

  async function hello(message: ClientHello): Promise<void> {
    await broker.arrival();
    // Nobody is there any more for whom a resume token could be used up.
    if (!isThere()) return;
    const { token = options.headerToken, resumeToken } = message;
    const admission = await options.admit({ token, resumeToken });
    if (!admission.ok) {
      channel.closeWith(admission.code, admission.message);
      return;
    }
    if (isThere()) client = broker.openClient(channel, admission.player, message, options.beaconUrl);
  }

  return {
    parse: parseClientMessage,
    get established() {
      return client !== undefined;
    },
    async handle(message) {
      if (client === undefined) {
        if (message.type === 'hello') await hello(message);
        else channel.closeWith('BAD_MESSAGE', 'The first message must be hello.');
        return;
      }
      switch (message.type) {
        case 'hello':
          channel.send(errorMessage(new Refusal('OUT_OF_ORDER', { message: 'hello was said already.' })));
          return;
        case 'play':
          return broker.play(client, message);
        case 'accept':
          return broker.accept(client, message);
        case 'cancel':
          return broker.cancel(client, message);
        case 'end':
          return broker.end(client, message);
        case 'stay':
          return broker.stay(client, message);
        case 'signal': {
          const { sessionId } = message;
          if (signals.spend(sessionId, performance.now())) return broker.signal(client, message);
          channel.send(errorMessage(new Refusal('TOO_MANY_SIGNALS'), { sessionId }));
          return;
        }
        case 'ping':
          channel.send({ type: 'pong', id: message.id });
          return;
      }
    },
    closed() {
      if (client !== undefined) broker.closeClient(client);
    },
  };
}
