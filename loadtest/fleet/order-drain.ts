import { LoadTestFailure } from './failure.js';

const DEADLINE_MS = 10_000;

/** Orders a region to be emptied, as operators do. */
export async function orderDrain(
  brokerUrl: string,
  token: string,
  region: string,
  deadlineMs: number,
): Promise<void> {
  const response = await fetch(new URL('/v1/drains', brokerUrl.replace(/^ws/, 'http')), {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ target: { region }, deadlineMs, yesEverything: true }),
    signal: AbortSignal.timeout(DEADLINE_MS),
  });
  if (!response.ok) {
    throw new LoadTestFailure(`The drain of ${region} was refused: ${(await response.text()).slice(0, 300)}`);
  }
}
