import type { Frame } from '../../support/fleet/peer.js';

/** Fields that traces leave out: they are long, differ from run to run, or are described elsewhere in the document. */
const LEFT_OUT: Readonly<Record<string, readonly string[]>> = {
  hello: ['device', 'sdk'],
  welcome: ['connectionId', 'playerId', 'regions', 'pingIntervalMs'],
  play: ['title', 'rtt'],
  queued: ['etaMs', 'region'],
  offer: ['region', 'acceptWithinMs'],
  matched: [
    ...['title', 'region', 'pool', 'host', 'ticket', 'claimWithinMs', 'stream', 'iceServers'],
    ...['rank', 'candidates', 'rttMs', 'reason'],
  ],
  error: ['message', 'retryable', 'retryAfterMs', 'inReplyTo'],
  register: ['region', 'pool', 'slots', 'endpoint', 'sdk'],
  registered: ['hostId', 'ticketKey', 'heartbeatIntervalMs', 'pingIntervalMs'],
  heartbeat: ['load'],
  prepare: ['title', 'playerId', 'stream', 'claimWithinMs'],
};
const SAME_AS: Readonly<Record<string, string>> = { moving: 'matched', restore: 'prepare' };

/** Fields that traces show without their names, in this order. */
const BARE = ['requestId', 'sessionId', 'code', 'state', 'reason'] as const;

/** In these messages `state` is data of the game, so traces show it with its name. */
const CHECKPOINTS = ['checkpoint', 'restore'];

/** Fields whose values differ from run to run, and the placeholder for each. */
const VOLATILE: Readonly<Record<string, string>> = {
  token: 'token',
  endsAtMs: 'time',
};

/** Formats frames for traces, with the same names in every run: `s1` is the first session of a trace. */
export class FrameNames {
  readonly #names = new Map<string, string>();
  readonly #counts = new Map<string, number>();

  /** The type, ids without field names (`s1@2`: session s1 at epoch 2), and the remaining fields. */
  shortText(frame: Frame): string {
    const { type } = frame;
    const leftOut = LEFT_OUT[SAME_AS[type] ?? type] ?? [];
    const bare: readonly string[] = CHECKPOINTS.includes(type) ? BARE.slice(0, 2) : BARE;
    const rest = Object.entries(frame).filter(
      ([field]) => !['type', 'epoch', ...bare, ...leftOut].includes(field),
    );
    return [
      type,
      ...bare
        .filter((field) => field in frame && !leftOut.includes(field))
        .map((field) => this.#bare(field, frame)),
      ...rest.map(([field, value]) => `${field}:${this.#valueText(field, value)}`),
    ].join(' ');
  }

  #bare(field: string, frame: Frame): string {
    const value = String(frame[field]);
    if (field !== 'sessionId') return value;
    const epoch = frame['epoch'];
    const session = this.#nameOf('s', value);
    return epoch === undefined ? session : `${session}@${Number(epoch)}`;
  }

  #valueText(field: string, value: unknown): string {
    if (Array.isArray(value) && field === 'sessions') {
      return `[${value.map((session) => this.shortText({ type: '', ...(session as object) }).trim()).join(', ')}]`;
    }
    const named = this.#named(field, value);
    return typeof named === 'string' && !named.includes(' ') ? named : JSON.stringify(named);
  }

  #named(field: string, value: unknown): unknown {
    if (Array.isArray(value)) return value.map((item) => this.#named('', item));
    if (typeof value === 'object' && value !== null) {
      return Object.fromEntries(
        Object.entries(value).map(([name, inner]) => [name, this.#named(name, inner)]),
      );
    }
    if (field === 'sessionId') return this.#nameOf('s', String(value));
    if (field === 'resumeToken') return this.#nameOf('t', String(value));
    const name = value === null ? undefined : VOLATILE[field];
    return name === undefined ? value : `<${name}>`;
  }

  #nameOf(kind: string, value: string): string {
    const known = this.#names.get(value);
    if (known !== undefined) return known;
    const count = (this.#counts.get(kind) ?? 0) + 1;
    this.#counts.set(kind, count);
    const name = `${kind}${count}`;
    this.#names.set(value, name);
    return name;
  }
}
