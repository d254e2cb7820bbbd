import { Register } from '@duskline/protocol';
import { Type, type Static } from 'typebox';
import { AT_DEADLINE, DRAIN_MODES, type OrderTarget } from '../domain/drain.js';
import type { DrainOrder } from '../broker/drain/drain-orders.js';
import { badMessage } from './read-body.js';

const { region: Name } = Register.properties;

/** Answers have `null` for absent fields of a target, so requests may have it too. */
const NameOrNull = Type.Optional(Type.Unsafe<string | null>({ ...Name, type: ['string', 'null'] }));

/** Longest time to a deadline: thirty days. Use a cordon for longer times; it has no deadline. */
const MAX_DEADLINE_MS = 30 * 24 * 3_600_000;

const strict = { additionalProperties: false } as const;

/** Target of an order: a region, a pool of it, or a host of that pool. */
const Target = Type.Object({ region: Name, pool: NameOrNull, hostId: NameOrNull }, strict);

/** Body of `POST /v1/drains`. A deadline in the past is refused later, with `BAD_DEADLINE`. */
export const DrainBody = Type.Object(
  {
    target: Target,
    deadlineMs: Type.Integer({ maximum: MAX_DEADLINE_MS }),
    mode: Type.Optional(Type.Enum([...DRAIN_MODES])),
    atDeadline: Type.Optional(Type.Enum([...AT_DEADLINE])),
    dryRun: Type.Optional(Type.Boolean()),
    yesEverything: Type.Optional(Type.Boolean()),
  },
  strict,
);

/** Body of `POST /v1/undrain`. */
export const TargetBody = Type.Object({ target: Target }, strict);

/** Body of `POST /v1/cordon` and `POST /v1/uncordon`. */
export const HostBody = Type.Object(
  { target: Type.Object({ region: Name, pool: Name, hostId: Name }, strict) },
  strict,
);

/** Converts the target of a body. @throws Refusal BAD_MESSAGE when a host is given without its pool */
export function toTarget({ region, pool = null, hostId = null }: Static<typeof Target>): OrderTarget {
  if (hostId !== null && pool === null) throw badMessage('target.hostId needs target.pool.');
  return { region, pool, hostId };
}

/** Converts the body of a drain and fills in defaults: `wait`, `end` at the deadline, and the last open region stays open. */
export function toDrainOrder(body: Static<typeof DrainBody>): DrainOrder {
  const { target, deadlineMs, mode = 'wait', atDeadline = 'end', yesEverything = false } = body;
  return { target: toTarget(target), deadlineMs, mode, atDeadline, yesEverything };
}

const MAX_LIMIT = 1_000;
const DEFAULT_LIMIT = 100;

/** Reads `limit` of the query of `GET /v1/audit` and `GET /v1/moves`; 100 when absent. @throws Refusal BAD_MESSAGE */
export function toLimit(limit: unknown): number {
  if (limit === undefined) return DEFAULT_LIMIT;
  const count = typeof limit === 'string' && /^\d{1,4}$/.test(limit) ? Number(limit) : 0;
  if (count < 1 || count > MAX_LIMIT) {
    throw badMessage(`limit must be a whole number from 1 to ${MAX_LIMIT}.`);
  }
  return count;
}
