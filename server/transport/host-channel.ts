import type { BrokerToHost, HostToBroker, Register } from '@duskline/protocol';
import { parseHostMessage } from '@duskline/protocol/validation';
import type { HostConnection } from '../broker/connections.js';
import type { Broker } from '../broker/create-broker.js';
import { Refusal, errorMessage, toRefusal } from '../broker/refusal.js';
import type { HostBinding } from '../broker/register-host.js';
import type { Authenticate } from './authenticate.js';
import type { Conversation } from './conversation.js';
import { SignalBudgets } from './signal-budgets.js';
import type { SocketChannel } from './socket.js';

export interface HostChannelOptions {
  readonly broker: Broker;
  readonly channel: SocketChannel<BrokerToHost>;
  readonly authenticate: Authenticate<HostBinding>;
  /** Token of the upgrade request, if it had one. */
  readonly headerToken: string | undefined;
}

/** The hosts' side: `register` first, then heartbeats and what happens to sessions. */
export function createHostConversation(options: HostChannelOptions): Conversation<HostToBroker> {
  const { broker, channel } = options;
  // Apart, so that a session that signals much is warned of its limits all the same.
  const budgets = { signal: new SignalBudgets(), limit: new SignalBudgets() };
  let host: HostConnection | undefined;

  async function register(message: Register): Promise<void> {
    const result = await options.authenticate(message.token ?? options.headerToken);
    if (!result.ok) {
      channel.closeWith(result.code, result.message);
      return;
    }
    try {
      const opened = await broker.openHost(channel, result.principal, message);
      // The socket may have closed while the store was asked.
      if (channel.open) host = opened;
      else broker.closeHost(opened);
    } catch (error) {
      const refusal = toRefusal(error);
      if (refusal.code === 'INTERNAL') throw error;
      channel.closeWith(refusal.code, refusal.message);
    }
  }

  return {
    parse: parseHostMessage,
    get established() {
      return host !== undefined;
    },
    async handle(message) {
      if (host === undefined) {
        if (message.type === 'register') await register(message);
        else channel.closeWith('BAD_MESSAGE', 'The first message must be register.');
        return;
      }
      if (message.type === 'register') {
        channel.send(
          errorMessage(new Refusal('OUT_OF_ORDER', { message: 'The host is registered already.' })),
        );
        return;
      }
      if (message.type === 'signal' || message.type === 'limit') {
        const { type, sessionId } = message;
        if (!budgets[type].spend(sessionId, performance.now())) {
          channel.send(errorMessage(new Refusal('TOO_MANY_SIGNALS'), { sessionId }));
          return;
        }
      }
      await broker.fromHost(host, message);
      if (message.type === 'leave') channel.closeNormally();
    },
    closed() {
      if (host !== undefined) broker.closeHost(host);
    },
  };
}
