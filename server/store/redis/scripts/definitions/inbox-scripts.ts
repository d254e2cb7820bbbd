import type { PoolScriptDefinition } from '../script-definition.js';

/** Scripts about brokers' inboxes in one region pool. */
export const INBOX_SCRIPTS = {
  'inbox/relay-messages': {
    keys: ['inbox'],
    args: { callerId: 'text' },
    lists: { sessionIds: 'text', epochs: 'number', senderHostIds: 'text', bodies: 'text' },
    constants: ['INBOX_MAX_BYTES'],
    parts: ['values/clock', 'values/new-list', 'values/connections', 'hosts/hosts', 'sessions/sessions'],
  },
  'inbox/send-control-message': {
    keys: ['inbox'],
    args: { brokerId: 'text', body: 'text' },
    constants: ['INBOX_MAX_BYTES'],
    parts: ['values/clock'],
  },
  'inbox/take-changed-sessions': {
    keys: ['inbox'],
    args: { callerId: 'text' },
    parts: ['sessions/sessions', 'sessions/session-records'],
  },
  'inbox/take-messages': { keys: ['inbox'], args: { callerId: 'text' } },
} as const satisfies Readonly<Record<string, PoolScriptDefinition>>;
