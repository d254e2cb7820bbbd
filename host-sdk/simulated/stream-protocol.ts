import type { EndReason } from '@duskline/protocol';
import { isJsonObject, parseJson } from '@duskline/sdk-runtime';
import type { RefusalReason } from '../admission/admission.js';
import { MAX_TICKET_CHARS } from '../admission/ticket-verifier.js';

/**
 * How clients talk to simulated hosts: JSON in text frames. A stand-in for a real stream, made for the
 * simulation; it is no part of `duskline.v1`.
 */
export type ClientToStream =
  /** First, and once. */
  | { readonly type: 'ticket'; readonly ticket: string }
  /** The player leaves; the host ends the session and closes. */
  | { readonly type: 'bye' };

export type StreamToClient =
  | { readonly type: 'admitted'; readonly sessionId: string; readonly epoch: number }
  /** The host closes after it. */
  | { readonly type: 'refused'; readonly reason: RefusalReason }
  /**
   * The pictures. `n` counts those of the connection, from 1 and without a gap; `count` those of the session, on all of
   * its connections and at all of its hosts: what a session takes along when it moves.
   */
  | { readonly type: 'frame'; readonly n: number; readonly count: number }
  /** The session is over by another's doing; the host closes after it. */
  | { readonly type: 'ended'; readonly reason: EndReason };

/** The largest frame a simulated host reads: a ticket with room to spare. */
export const MAX_STREAM_FRAME_BYTES = MAX_TICKET_CHARS + 1024;

/** Close codes of the stream, as RFC 6455 means them. */
export const STREAM_CLOSE = { done: 1000, goingAway: 1001, badFrame: 1008 } as const;

/** Reads a frame of a client; `undefined` when it is none. Never throws. */
export function parseClientFrame(text: string): ClientToStream | undefined {
  const value = parseJson(text);
  if (!isJsonObject(value)) return undefined;
  const { type, ticket } = value;
  if (type === 'bye') return { type };
  return type === 'ticket' && typeof ticket === 'string' ? { type, ticket } : undefined;
}
