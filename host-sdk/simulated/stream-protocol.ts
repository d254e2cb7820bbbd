import type { EndReason } from '@duskline/protocol';
import { isJsonObject, parseJson } from '@duskline/sdk-runtime';
import type { RefusalReason } from '../admission/admission.js';
import { MAX_TICKET_CHARS } from '../admission/ticket-verifier.js';

/**
 * The messages between clients and simulated hosts: JSON in text frames, in place of a video stream. Not part of `duskline.v1`.
 */
export type ClientToStream =
  /** The first message. */
  | { readonly type: 'ticket'; readonly ticket: string }
  /** The player leaves. The host ends the session and closes. */
  | { readonly type: 'bye' };

export type StreamToClient =
  | { readonly type: 'admitted'; readonly sessionId: string; readonly epoch: number }
  /** The host closes after this message. */
  | { readonly type: 'refused'; readonly reason: RefusalReason }
  /**
   * A frame of the stream. `n` counts the frames of the connection from 1 without a gap. `count` counts those of the session, over
   * all of its connections and hosts.
   */
  | { readonly type: 'frame'; readonly n: number; readonly count: number }
  /** The session has ended, but not by the client's `bye`. The host closes after this message. */
  | { readonly type: 'ended'; readonly reason: EndReason };

/** The largest frame that a simulated host accepts: a ticket, with room to spare. */
export const MAX_STREAM_FRAME_BYTES = MAX_TICKET_CHARS + 1024;

/** Close codes of the stream, from RFC 6455. */
export const STREAM_CLOSE = { done: 1000, goingAway: 1001, badFrame: 1008 } as const;

/** Parses a frame of a client. Returns `undefined` if it is invalid. Never throws. */
export function parseClientFrame(text: string): ClientToStream | undefined {
  const value = parseJson(text);
  if (!isJsonObject(value)) return undefined;
  const { type, ticket } = value;
  if (type === 'bye') return { type };
  return type === 'ticket' && typeof ticket === 'string' ? { type, ticket } : undefined;
}
