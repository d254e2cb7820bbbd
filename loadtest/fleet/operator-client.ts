import { LoadTestFailure } from './load-test-failure.js';

const DEADLINE_MS = 5_000;

/** How a drain stands: how many sessions are where. */
export interface DrainStatus {
  readonly drainId: string;
  readonly state: 'running' | 'done' | 'undone';
  readonly progress: Readonly<Record<string, number>>;
}

/** What no broker would take, however often it is asked. */
export class OrderRefusedError extends LoadTestFailure {}

/** Gives orders as operators do, to whichever broker takes them. */
export class OperatorClient {
  readonly #urls: () => readonly string[];
  readonly #token: () => string;

  /** @param urls of the brokers that run at the moment */
  constructor(urls: () => readonly string[], token: () => string) {
    this.#urls = urls;
    this.#token = token;
  }

  /** Orders a region to be emptied: what can be moved is moved, and the rest ends at the deadline. */
  async startDrain(region: string, deadlineMs: number): Promise<DrainStatus> {
    const order = { target: { region }, deadlineMs, mode: 'move', yesEverything: true };
    return (await this.#request(`The drain of ${region}`, '/v1/drains', order)) as DrainStatus;
  }

  /** `undefined` when no broker knows it any more. */
  async findDrain(drainId: string): Promise<DrainStatus | undefined> {
    const answer = (await this.#request('The list of drains', '/v1/drains')) as {
      readonly drains: readonly DrainStatus[];
    };
    return answer.drains.find((drain) => drain.drainId === drainId);
  }

  /** Opens a drained region again. */
  async undrainRegion(region: string): Promise<void> {
    await this.#request(`To open ${region} again`, '/v1/undrain', { target: { region } });
  }

  async #request(what: string, path: string, body?: object): Promise<unknown> {
    let trouble = 'no broker runs';
    for (const url of this.#urls()) {
      const response = await this.#fetch(new URL(path, url.replace(/^ws/, 'http')), body).catch(String);
      if (typeof response !== 'string') {
        if (response.ok) return response.json();
        trouble = (await response.text()).slice(0, 300);
        // One that cannot at the moment is another matter.
        if (response.status < 500) throw new OrderRefusedError(`${what} was refused: ${trouble}`);
      } else {
        trouble = response;
      }
    }
    throw new LoadTestFailure(`${what} was not answered: ${trouble}`);
  }

  #fetch(url: URL, body: object | undefined): Promise<Response> {
    const headers = { authorization: `Bearer ${this.#token()}`, 'content-type': 'application/json' };
    const signal = AbortSignal.timeout(DEADLINE_MS);
    if (body === undefined) return fetch(url, { headers, signal });
    return fetch(url, { method: 'POST', headers, body: JSON.stringify(body), signal });
  }
}
