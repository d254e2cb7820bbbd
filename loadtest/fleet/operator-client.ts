import { LoadTestFailure } from './load-test-failure.js';

const DEADLINE_MS = 5_000;

/** The state of a drain, and the number of sessions by outcome. */
export interface DrainStatus {
  readonly drainId: string;
  readonly state: 'running' | 'done' | 'undone';
  readonly progress: Readonly<Record<string, number>>;
}

/** A broker refused the order for a reason that does not go away by a retry. */
export class OrderRefusedError extends LoadTestFailure {}

/** Sends orders of an operator to the first broker that answers. */
export class OperatorClient {
  readonly #urls: () => readonly string[];
  readonly #token: () => string;

  /** @param urls returns the URLs of the brokers that run now */
  constructor(urls: () => readonly string[], token: () => string) {
    this.#urls = urls;
    this.#token = token;
  }

  /** Drains a region: movable sessions are moved, the others end at the deadline. */
  async startDrain(region: string, deadlineMs: number): Promise<DrainStatus> {
    const order = { target: { region }, deadlineMs, mode: 'move', yesEverything: true };
    return (await this.#request(`drain ${region}`, '/v1/drains', order)) as DrainStatus;
  }

  /** @returns `undefined` when the brokers do not know the drain any more */
  async findDrain(drainId: string): Promise<DrainStatus | undefined> {
    const answer = (await this.#request('list drains', '/v1/drains')) as {
      readonly drains: readonly DrainStatus[];
    };
    return answer.drains.find((drain) => drain.drainId === drainId);
  }

  /** Opens a drained region to new sessions. */
  async undrainRegion(region: string): Promise<void> {
    await this.#request(`undrain ${region}`, '/v1/undrain', { target: { region } });
  }

  async #request(what: string, path: string, body?: object): Promise<unknown> {
    let problem = 'no broker runs';
    for (const url of this.#urls()) {
      const response = await this.#fetch(new URL(path, url.replace(/^ws/, 'http')), body).catch(String);
      if (typeof response !== 'string') {
        if (response.ok) return response.json();
        problem = (await response.text()).slice(0, 300);
        // After a status of 500 or more another broker may accept the order.
        if (response.status < 500) throw new OrderRefusedError(`The broker refused to ${what}: ${problem}`);
      } else {
        problem = response;
      }
    }
    throw new LoadTestFailure(`No broker answered the order to ${what}: ${problem}`);
  }

  #fetch(url: URL, body: object | undefined): Promise<Response> {
    const headers = { authorization: `Bearer ${this.#token()}`, 'content-type': 'application/json' };
    const signal = AbortSignal.timeout(DEADLINE_MS);
    if (body === undefined) return fetch(url, { headers, signal });
    return fetch(url, { method: 'POST', headers, body: JSON.stringify(body), signal });
  }
}
