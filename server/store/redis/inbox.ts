import type { InboxMessage, InboxStore, RelayOutcome } from '../contracts/inbox.js';
import { inGroups } from './batches.js';
import { StoredFormatError, decodeEndReason, decodeSessions, texts } from './records.js';
import type { RedisContext } from './redis-context.js';
import type { WakeUps } from './wake-ups.js';

/** One script call relays at most this many messages: each may have some ten thousand characters. */
const MAX_MESSAGES = 64;

/** Stands in place of the receiving host in the line of a control message. */
const CONTROL_MARK = '*';

/** Inboxes in Redis, and wake-ups by its pub/sub. */
export function createRedisInbox({ runInPool, command }: RedisContext, wakeUps: WakeUps): InboxStore {
  return {
    async relayMessages(regionPool, messages, callerId) {
      // All batches are on the wire at once, in their order.
      const replies = await Promise.all(
        inGroups(messages, MAX_MESSAGES).map((batch) =>
          runInPool('inbox/relay-messages', regionPool, {
            callerId,
            sessionIds: batch.map(({ sessionId }) => sessionId),
            epochs: batch.map(({ epoch }) => epoch),
            senderHostIds: batch.map(({ fromHostId }) => fromHostId ?? ''),
            bodies: batch.map(({ body }) => body),
          }),
        ),
      );
      return replies.flatMap((reply) => inGroups(texts(reply), 2).map(decodeRelayOutcome));
    },

    async takeMessages(regionPool, brokerId) {
      const lines = String(await runInPool('inbox/take-messages', regionPool, { callerId: brokerId }));
      return lines.split('\n').slice(0, -1).map(decodeInboxMessage);
    },

    takeChangedSessions: async (regionPool, brokerId) =>
      decodeSessions(await runInPool('inbox/take-changed-sessions', regionPool, { callerId: brokerId })),

    async sendControlMessage(regionPool, brokerId, body) {
      return (await runInPool('inbox/send-control-message', regionPool, { brokerId, body })) === 1;
    },

    sendWakeUp: (brokerId, regionPool) => wakeUps.send(brokerId, regionPool),

    onWakeUp: (brokerId, listener) => command(() => wakeUps.listen(brokerId, listener)),
  };
}

function decodeRelayOutcome([kind, detail = '']: readonly string[]): RelayOutcome {
  switch (kind) {
    case 'local':
      return { kind, hostId: detail };
    case 'forwarded':
      return { kind, brokerId: detail };
    case 'over':
      return { kind, reason: decodeEndReason(detail) };
    case 'disconnected':
    case 'overflow':
    case 'stale':
    case 'unknown':
      return { kind };
    default:
      throw new StoredFormatError(`unexpected "${kind}"`);
  }
}

/** Reads a line that `lua/inbox/relay-messages.lua` or `lua/inbox/send-control-message.lua` wrote. */
function decodeInboxMessage(line: string): InboxMessage {
  const match = /^([^|]*)\|([^|]*)\|(\d+)\|(.*)$/s.exec(line);
  if (match === null) throw new StoredFormatError('an inbox message is not readable');
  const [, toHostId = '', sessionId = '', epoch, body = ''] = match;
  if (toHostId === CONTROL_MARK) return { kind: 'control', body };
  return {
    kind: 'relayed',
    sessionId,
    epoch: Number(epoch),
    toHostId: toHostId === '' ? null : toHostId,
    body,
  };
}
