import { setTimeout as delay } from 'node:timers/promises';
import type { DrainReport } from '@duskline/server/broker/drain/drain-orders.js';
import type { MoveEntry } from '@duskline/server/domain/move-entry.js';
import { testToken } from '../../support/fleet/test-broker.js';
import type { BrokerProcess } from '../../support/processes/broker-process.js';

const OPERATOR = {
  authorization: `Bearer ${testToken({ kind: 'operator', operatorId: 'bench', scopes: ['ops:read', 'ops:write'] })}`,
};
const POLL_INTERVAL_MS = 500;

/** Orders a drain that moves all sessions that it can, and ends the others at the deadline. */
export async function orderDrain(broker: BrokerProcess, region: string, deadlineMs: number): Promise<void> {
  const response = await fetch(`${broker.url}/v1/drains`, {
    method: 'POST',
    headers: { ...OPERATOR, 'content-type': 'application/json' },
    body: JSON.stringify({ target: { region }, deadlineMs, mode: 'move', atDeadline: 'end' }),
  });
  if (!response.ok) throw new Error(`POST /v1/drains: ${response.status} ${await response.text()}`);
}

/** Waits until the only drain is done, but not longer than `untilMs` by `performance.now()`. Returns its last report. */
export async function waitForDrain(broker: BrokerProcess, untilMs: number): Promise<DrainReport> {
  for (;;) {
    const { drains } = await get<{ drains: DrainReport[] }>(broker, '/v1/drains');
    const [drain] = drains;
    if (drain === undefined) throw new Error('The broker does not list the drain any more.');
    if (drain.state !== 'running' || performance.now() > untilMs) return drain;
    await delay(POLL_INTERVAL_MS);
  }
}

/** The latest thousand moves, failed ones included. */
export async function listMoves(broker: BrokerProcess): Promise<MoveEntry[]> {
  return (await get<{ moves: MoveEntry[] }>(broker, '/v1/moves?limit=1000')).moves;
}

async function get<Answer>(broker: BrokerProcess, path: string): Promise<Answer> {
  const response = await fetch(broker.url + path, { headers: OPERATOR });
  if (!response.ok) throw new Error(`GET ${path}: ${response.status} ${await response.text()}`);
  return (await response.json()) as Answer;
}
