import type { KeyedScriptDefinition } from '../script-definition.js';

/** Scripts about players' requests. */
export const REQUEST_SCRIPTS = {
  'requests/allocate-epoch': {
    keys: ['requests'],
    args: { requestId: 'text', sessionId: 'text', regionPool: 'text', aboveEpoch: 'number' },
    parts: ['values/clock', 'requests/request-records', 'requests/request-updates', 'requests/session-line'],
  },
  'requests/clear-live-requests': {
    keyLists: ['requests'],
    lists: { sessionIds: 'text', epochs: 'number' },
    parts: ['requests/request-records'],
  },
  'requests/commit-epoch': {
    keys: ['requests'],
    args: {
      requestId: 'text',
      sessionId: 'text',
      regionPool: 'text',
      fromEpoch: 'number',
      toEpoch: 'number',
    },
    parts: ['values/clock', 'requests/request-records', 'requests/request-updates', 'requests/session-line'],
  },
  'requests/delete-request': {
    keys: ['requests'],
    args: { requestId: 'text' },
    parts: ['requests/request-records', 'requests/request-updates'],
  },
  'requests/find-requests': {
    keyLists: ['requests'],
    lists: { requestIds: 'text' },
    parts: ['requests/request-records'],
  },
  'requests/record-requests': {
    keyLists: ['requests'],
    lists: { requestIds: 'text', sessionIds: 'text', regionPools: 'text' },
    parts: ['values/clock', 'requests/request-records', 'requests/request-updates'],
  },
  'requests/renew-live-requests': {
    keyLists: ['requests'],
    lists: { sessionIds: 'text', epochs: 'number', regionPools: 'text' },
    parts: ['requests/request-records', 'requests/request-updates', 'requests/session-line'],
  },
  'requests/replace-live-request': {
    keys: ['requests'],
    args: {
      requestId: 'text',
      sessionId: 'text',
      regionPool: 'text',
      expectedSessionId: 'text',
      expectedEpoch: 'number',
    },
    parts: ['values/clock', 'requests/request-records', 'requests/request-updates'],
  },
  'requests/resume-live-request': {
    keys: ['requests'],
    args: { requestId: 'text', expectedSessionId: 'text', expectedEpoch: 'number', raiseEpoch: 'flag' },
    parts: ['values/clock', 'requests/request-records', 'requests/request-updates'],
  },
  'requests/set-request-pool': {
    keys: ['requests'],
    args: { requestId: 'text', sessionId: 'text', regionPool: 'text' },
    parts: ['requests/request-records', 'requests/request-updates', 'requests/session-line'],
  },
  'requests/start-attempt': {
    keys: ['requests'],
    args: { requestId: 'text', sessionId: 'text', regionPool: 'text', fromEpoch: 'number', orLater: 'flag' },
    parts: ['values/clock', 'requests/request-records', 'requests/request-updates', 'requests/session-line'],
  },
} as const satisfies Readonly<Record<string, KeyedScriptDefinition>>;
