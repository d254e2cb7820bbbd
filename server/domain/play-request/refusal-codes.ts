/** The error codes with which a play request is refused. */
const REFUSAL_CODES = [
  'CANCELLED',
  'INTERNAL',
  'NO_CAPACITY',
  'NO_REGION_IN_REACH',
  'NO_SUITABLE_POOL',
  'QUEUE_FULL',
  'REGION_CLOSED',
  'SESSION_EXISTS',
  'SESSION_OVER',
  'TIMED_OUT',
  'UNAVAILABLE',
  'UNKNOWN_SESSION',
  'UNKNOWN_TITLE',
] as const;

export type RefusalCode = (typeof REFUSAL_CODES)[number];

/** The code as one that a play request may be refused with; any other one is a fault of the broker. */
export function toRefusalCode(code: string): RefusalCode {
  return REFUSAL_CODES.find((known) => known === code) ?? 'INTERNAL';
}
