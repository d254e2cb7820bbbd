import { END_REASONS, type EndReason } from '@duskline/protocol/vocabulary';
import type { RegionPool } from '../../domain/catalog.js';
import { INBOX_MAX_BYTES, type FleetStore, type RelayOutcome, type InboxMessage } from '../fleet-store.js';
import { StoredFormatError, inGroups, oneOf, texts } from './records.js';
import type { PoolScript } from './scripts.js';

/** Letters between the two ends of a session. Those for one broker share a field of its place's mail. */
export type Inbox = Pick<FleetStore, 'relayMessages' | 'takeMessages'>;

type RunInPool = (
  name: PoolScript,
  place: RegionPool,
  callerId: string,
  args: readonly (string | number)[],
) => Promise<unknown>;

/** One script call passes on at most this many letters: each may have some ten thousand characters. */
const MAX_BATCH = 64;

export function createInbox(run: RunInPool): Inbox {
  return {
    async relayMessages(place, letters, callerId) {
      // All of them are on the wire at once, in their order.
      const replies = await Promise.all(
        inGroups(letters, MAX_BATCH).map((batch) => {
          const args = batch.flatMap(({ sessionId, epoch, fromHostId, body }) => [
            sessionId,
            epoch,
            fromHostId ?? '',
            body,
          ]);
          return run('inbox/relay-messages', place, callerId, [INBOX_MAX_BYTES, ...args]);
        }),
      );
      return replies.flatMap((reply) => inGroups(texts(reply), 2).map(decodeRelayOutcome));
    },

    async takeMessages(place, brokerId) {
      const lines = String(await run('inbox/take-messages', place, brokerId, [])).split('\n');
      return lines.slice(0, -1).map(decodeInboxMessage);
    },
  };
}

function decodeRelayOutcome([kind, detail = '']: readonly string[]): RelayOutcome {
  switch (kind) {
    case 'local':
      return { kind, hostId: detail };
    case 'posted':
      return { kind, brokerId: detail };
    case 'over':
      return { kind, reason: oneOf<EndReason>(END_REASONS, detail) };
    case 'away':
    case 'overflow':
    case 'stale':
    case 'unknown':
      return { kind };
    default:
      throw new StoredFormatError(`unexpected "${String(kind)}"`);
  }
}

/** A line of `lua/inbox/relay-messages.lua` or of `lua/inbox/send-control-message.lua`. */
function decodeInboxMessage(line: string): InboxMessage {
  const match = /^([^|]*)\|([^|]*)\|(\d+)\|(.*)$/s.exec(line);
  if (match === null) throw new StoredFormatError('a letter is not readable');
  const [, toHostId = '', sessionId = '', epoch, body = ''] = match;
  if (toHostId === '*') return { kind: 'word', body };
  return {
    kind: 'letter',
    sessionId,
    epoch: Number(epoch),
    toHostId: toHostId === '' ? null : toHostId,
    body,
  };
}
