import type { ErrorCode } from '@duskline/protocol/codes';
import { MAX_FRAGMENTS, MAX_FRAME_BYTES, MAX_HOST_FRAME_BYTES } from '@duskline/protocol/constants';
import type { Peer } from '../../support/fleet/peer.js';
import { rawSocket } from './raw-frames.js';

/** How the broker reacts to a bad frame: with an error, a close, or both. */
export interface Verdict {
  readonly error: ErrorCode | null;
  readonly close: number | null;
}

export interface BadFrame {
  readonly name: string;
  readonly send: (peer: Peer) => void;
  readonly before: Verdict;
  readonly after: Verdict;
}

const HOPELESS: Verdict = { error: 'BAD_MESSAGE', close: 4400 };
const silentlyClosed = (close: number): Verdict => ({ error: null, close });

function frame(name: string, text: string, after: Verdict): BadFrame {
  return { name, send: (peer) => peer.sendRaw(text), before: HOPELESS, after };
}

/** Frames that are no messages, for both kinds of peers, before and after the first message. */
const UNREADABLE = Object.entries({
  'an empty frame': '',
  'text that is not JSON': 'hello',
  'half a JSON object': '{"type":"hel',
  'JSON with a comment': '{"type":"ping"/* id */}',
  'NaN, which JSON does not have': '{"type":"ping","id":NaN}',
  null: 'null',
  'a number': '42',
  'a string': '"hello"',
  'an array': '[{"type":"ping","id":1}]',
  'arrays nested 30,000 deep': '['.repeat(30_000) + ']'.repeat(30_000),
  'arrays nested 60,000 deep and never closed': '['.repeat(60_000),
}).map(([name, text]) => frame(name, text, HOPELESS));

const UNKNOWN: Verdict = { error: 'UNKNOWN_MESSAGE_TYPE', close: null };

const UNKNOWN_TYPES = Object.entries({
  'no type': '{}',
  'a type that does not exist': '{"type":"teleport"}',
  'a type of the broker': '{"type":"welcome"}',
  'a type in capitals': '{"type":"HELLO"}',
  'a type that is not text': '{"type":7}',
  'a type that is null': '{"type":null}',
  'a type named like an inherited property': '{"type":"constructor"}',
  'the type __proto__': '{"type":"__proto__"}',
  'objects nested 9,000 deep': `${'{"a":'.repeat(9_000)}1${'}'.repeat(9_000)}`,
}).map(([name, text]) => frame(name, text, UNKNOWN));

const BELOW_JSON: readonly BadFrame[] = [
  {
    name: 'a binary frame',
    send: (peer) => peer.sendRaw(Buffer.from('{"type":"ping","id":1}')),
    before: { error: 'BINARY_FRAME', close: 1003 },
    after: { error: 'BINARY_FRAME', close: 1003 },
  },
  {
    name: 'text that is not UTF-8',
    send: (peer) => peer.socket.send(Buffer.from([0x7b, 0xc3, 0x28, 0x7d]), { binary: false }),
    before: silentlyClosed(1007),
    after: silentlyClosed(1007),
  },
  {
    name: 'a frame without a mask',
    send: (peer) => rawSocket(peer).write(Buffer.from([0x81, 0x02, 0x7b, 0x7d])),
    before: silentlyClosed(1002),
    after: silentlyClosed(1002),
  },
  {
    name: 'a message in one fragment too many',
    send: (peer) => rawSocket(peer).write(emptyFragments(MAX_FRAGMENTS + 1)),
    before: silentlyClosed(1008),
    after: silentlyClosed(1008),
  },
];

/** A text message of this many empty fragments, masked with zeros. */
function emptyFragments(count: number): Buffer {
  const [first, next] = [0x01, 0x00].map((opcode) => Buffer.from([opcode, 0x80, 0, 0, 0, 0]));
  return Buffer.concat(Array.from({ length: count }, (_, i) => (i === 0 ? first! : next!)));
}

const BAD: Verdict = { error: 'BAD_MESSAGE', close: null };

const CLIENT_SHAPES = Object.entries({
  'an unknown field': '{"type":"ping","id":1,"more":1}',
  'a missing field': '{"type":"ping"}',
  'null for an absent field':
    '{"type":"play","requestId":"r","title":"drift","rtt":{"near":1},"platform":null}',
  'a __proto__ key': '{"type":"ping","id":1,"__proto__":{"polluted":true}}',
  'a constructor key': '{"type":"ping","id":1,"constructor":{"prototype":{"polluted":true}}}',
  'a __proto__ region': '{"type":"play","requestId":"r","title":"drift","rtt":{"__proto__":{"near":1}}}',
  'an infinite number': '{"type":"ping","id":1e999}',
  'a number above its maximum': '{"type":"ping","id":4294967296}',
  'a number below its minimum': '{"type":"ping","id":-1}',
  'a fraction for a whole number': '{"type":"ping","id":0.5}',
  'a number as text': '{"type":"ping","id":"1"}',
  'an id with spaces': '{"type":"cancel","requestId":"a b"}',
  'an id with a line break at its end': '{"type":"cancel","requestId":"a\\n"}',
  'a session id of another version': '{"type":"end","sessionId":"019a0000-0000-4000-8000-000000000001"}',
  'an empty list of regions': '{"type":"play","requestId":"r","title":"drift","rtt":{}}',
  'too many regions': `{"type":"play","requestId":"r","title":"drift","rtt":{${Array.from({ length: 65 }, (_, i) => `"r${i}":1`).join()}}}`,
  'a frame with 5,000 mistakes': `{"type":"play","rtt":{${Array.from({ length: 5_000 }, (_, i) => `"R${i}":-1`).join()}}}`,
  'objects nested 9,000 deep in a field': `{"type":"play","requestId":"r","title":"drift","rtt":${'{"a":'.repeat(9_000)}1${'}'.repeat(9_000)}}`,
}).map(([name, text]) => frame(name, text, BAD));

const HOST_SHAPES = Object.entries({
  'an unknown field': '{"type":"leave","now":true}',
  'a heartbeat without its load': '{"type":"heartbeat","sessions":[]}',
  'a __proto__ key':
    '{"type":"heartbeat","load":{"gpu":0,"encoder":0,"cpu":0,"network":0,"__proto__":{"polluted":true}},"sessions":[]}',
  'an epoch of 0':
    '{"type":"session","sessionId":"019a0000-0000-7000-8000-000000000001","epoch":0,"state":"active"}',
  'an epoch beyond 31 bits':
    '{"type":"session","sessionId":"019a0000-0000-7000-8000-000000000001","epoch":2147483648,"state":"active"}',
  'a state that only brokers set':
    '{"type":"session","sessionId":"019a0000-0000-7000-8000-000000000001","epoch":1,"state":"reserved"}',
  'a reason that does not exist':
    '{"type":"session","sessionId":"019a0000-0000-7000-8000-000000000001","epoch":1,"state":"ended","reason":"bored"}',
}).map(([name, text]) => frame(name, text, BAD));

/** Frames at the size limit of a connection, and above it. */
function tooLarge(maxBytes: number): BadFrame[] {
  const name = `a frame of one byte more than ${maxBytes / 1_024} KiB`;
  const verdict = silentlyClosed(1009);
  return [
    { name, send: (peer) => peer.sendRaw(' '.repeat(maxBytes + 1)), before: verdict, after: verdict },
    frame('arrays nested as deep as a frame is long', '['.repeat(maxBytes), HOPELESS),
    frame(`a frame of exactly ${maxBytes / 1_024} KiB`, `{"pad":"${'x'.repeat(maxBytes - 10)}"}`, UNKNOWN),
  ];
}

const COMMON = [...UNREADABLE, ...UNKNOWN_TYPES, ...BELOW_JSON];
export const BAD_CLIENT_FRAMES = [...COMMON, ...tooLarge(MAX_FRAME_BYTES), ...CLIENT_SHAPES];
export const BAD_HOST_FRAMES = [...COMMON, ...tooLarge(MAX_HOST_FRAME_BYTES), ...HOST_SHAPES];
