import type { Matched, Moving } from '@duskline/protocol';

/** A message that assigns a session to a host. */
export type Match = Matched | Moving;

/** The assignment of a session to a host, as the application sees it. */
export class Assignment {
  /** Private, so that printing the object does not print its ticket. */
  #match: Match;

  constructor(match: Match) {
    this.#match = match;
  }

  get requestId(): string {
    return this.#match.requestId;
  }
  get sessionId(): string {
    return this.#match.sessionId;
  }
  get epoch(): number {
    return this.#match.epoch;
  }
  get title(): string {
    return this.#match.title;
  }
  get region(): string {
    return this.#match.region;
  }
  get pool(): string {
    return this.#match.pool;
  }
  get host(): Matched['host'] {
    return this.#match.host;
  }
  get ticket(): string {
    return this.#match.ticket;
  }
  get claimWithinMs(): number {
    return this.#match.claimWithinMs;
  }
  get stream(): Matched['stream'] {
    return this.#match.stream;
  }
  get iceServers(): Matched['iceServers'] {
    return this.#match.iceServers;
  }
  get rank(): number {
    return this.#match.rank;
  }
  get candidates(): number {
    return this.#match.candidates;
  }
  get rttMs(): number | undefined {
    return this.#match.rttMs;
  }
  get reason(): string {
    return this.#match.reason;
  }

  /** Replaces the assignment. */
  protected reassign(match: Match): void {
    this.#match = match;
  }
}
