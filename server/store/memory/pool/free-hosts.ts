import type { MemoryHost } from './memory-host.js';
import { HostNameRanks } from './host-name-ranks.js';

/** Children of a place in the heap. Four stand side by side, and the heap is half as deep as with two. */
const WIDTH = 4;

const NOT_IN_HEAP = -1;

/**
 * Hosts that take sessions, the least congested on top: by score, then by name, so that a tie has one answer everywhere.
 *
 * A heap of numbers in a few flat lists. A placement moves its host down and the end of a session moves it up again; with a
 * hundred thousand hosts this touches some tens of neighbouring numbers, and none of the hosts that are passed on the way.
 */
export class FreeHosts {
  readonly #nameRanks = new HostNameRanks(() => this.#refreshRanks());
  #size = 0;

  // By place in the heap.
  #scores = new Float64Array(64);
  #ranks = new Float64Array(64);
  #numbers = new Int32Array(64);

  // By number of the host.
  #positions = new Int32Array(64).fill(NOT_IN_HEAP);
  readonly #hosts: MemoryHost[] = [];

  /** Gives a host that is about to come its number. */
  assignNumber(hostId: string): number {
    const number = this.#nameRanks.add(hostId);
    if (number >= this.#positions.length) {
      this.#scores = grown(this.#scores, new Float64Array(number * 2));
      this.#ranks = grown(this.#ranks, new Float64Array(number * 2));
      this.#numbers = grown(this.#numbers, new Int32Array(number * 2));
      this.#positions = grown(this.#positions, new Int32Array(number * 2).fill(NOT_IN_HEAP));
    }
    return number;
  }

  /** Forgets a host, whose number another one may get. */
  delete(host: MemoryHost): void {
    this.remove(host);
    this.#nameRanks.remove(host.hostId);
  }

  leastCongested(): MemoryHost | undefined {
    return this.#size === 0 ? undefined : this.#hostAt(0);
  }

  /** The least of those below the top. */
  secondLeastCongested(): MemoryHost | undefined {
    return this.#size < 2 ? undefined : this.#hostAt(this.#leastChild(0));
  }

  /** Puts a host where its score says. */
  put(host: MemoryHost, score: number): void {
    const number = host.orderNumber;
    const place = this.#positions[number] ?? NOT_IN_HEAP;
    if (place === NOT_IN_HEAP) {
      this.#hosts[number] = host;
      this.#size += 1;
      this.#siftUp(this.#size - 1, score, this.#nameRanks.rankOf(number), number);
    } else {
      this.#reposition(place, score, this.#rankAt(place), number);
    }
  }

  remove({ orderNumber }: MemoryHost): void {
    const place = this.#positions[orderNumber] ?? NOT_IN_HEAP;
    if (place === NOT_IN_HEAP) return;
    this.#positions[orderNumber] = NOT_IN_HEAP;
    this.#size -= 1;
    const last = this.#size;
    // The gap is filled with the last one.
    if (place !== last)
      this.#reposition(place, this.#scoreAt(last), this.#rankAt(last), this.#numberAt(last));
  }

  /** All of them in order, with their scores: for the model test. */
  entries(): [host: MemoryHost, score: number][] {
    return Array.from({ length: this.#size }, (_, place) => place)
      .sort((a, b) => this.#scoreAt(a) - this.#scoreAt(b) || this.#rankAt(a) - this.#rankAt(b))
      .map((place) => [this.#hostAt(place), this.#scoreAt(place)]);
  }

  /** Writes a host at a place, or as far above or below it as it belongs. */
  #reposition(place: number, score: number, rank: number, number: number): void {
    const parent = (place - 1) >> 2;
    if (place > 0 && this.#isBefore(score, rank, parent)) this.#siftUp(place, score, rank, number);
    else this.#siftDown(place, score, rank, number);
  }

  #siftUp(from: number, score: number, rank: number, number: number): void {
    let place = from;
    while (place > 0) {
      const parent = (place - 1) >> 2;
      if (!this.#isBefore(score, rank, parent)) break;
      this.#write(place, this.#scoreAt(parent), this.#rankAt(parent), this.#numberAt(parent));
      place = parent;
    }
    this.#write(place, score, rank, number);
  }

  #siftDown(from: number, score: number, rank: number, number: number): void {
    let place = from;
    while (place * WIDTH + 1 < this.#size) {
      const least = this.#leastChild(place);
      if (this.#isBefore(score, rank, least)) break;
      this.#write(place, this.#scoreAt(least), this.#rankAt(least), this.#numberAt(least));
      place = least;
    }
    this.#write(place, score, rank, number);
  }

  /** Of the places below one that has some. */
  #leastChild(place: number): number {
    const first = place * WIDTH + 1;
    const end = Math.min(first + WIDTH, this.#size);
    let least = first;
    for (let child = first + 1; child < end; child += 1) {
      if (this.#isBefore(this.#scoreAt(child), this.#rankAt(child), least)) least = child;
    }
    return least;
  }

  #isBefore(score: number, rank: number, place: number): boolean {
    const other = this.#scoreAt(place);
    return score < other || (score === other && rank < this.#rankAt(place));
  }

  #write(place: number, score: number, rank: number, number: number): void {
    this.#scores[place] = score;
    this.#ranks[place] = rank;
    this.#numbers[place] = number;
    this.#positions[number] = place;
  }

  #refreshRanks(): void {
    for (let place = 0; place < this.#size; place += 1) {
      this.#ranks[place] = this.#nameRanks.rankOf(this.#numberAt(place));
    }
  }

  #scoreAt(place: number): number {
    return this.#scores[place] ?? 0;
  }

  #rankAt(place: number): number {
    return this.#ranks[place] ?? 0;
  }

  #numberAt(place: number): number {
    return this.#numbers[place] ?? 0;
  }

  #hostAt(place: number): MemoryHost {
    const host = this.#hosts[this.#numberAt(place)];
    if (host === undefined) throw new RangeError(`no host at ${place}`);
    return host;
  }
}

function grown<T extends Float64Array | Int32Array>(before: T, after: T): T {
  after.set(before);
  return after;
}
