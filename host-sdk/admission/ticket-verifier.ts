import { createSecretKey, type KeyObject } from 'node:crypto';
import jwt from 'jsonwebtoken';
import { TicketClaims } from '@duskline/protocol';
import { Compile } from 'typebox/compile';

/** Why a ticket is invalid. */
export const TICKET_FAULTS = [
  /** The host has not been registered yet, so it has no key. */
  'no_key',
  /** Not a JWT, an algorithm other than HS256, or another key: forged, or for another host. */
  'bad_signature',
  /** Past its `exp`. */
  'expired',
  /** Signed with this host's key, but the claims are not those of a ticket. */
  'bad_claims',
  /** Signed with this host's key, but for another host. */
  'wrong_audience',
] as const;
export type TicketFault = (typeof TICKET_FAULTS)[number];

/** What a ticket says about its session. */
export interface ClaimedTicket {
  readonly sessionId: string;
  readonly epoch: number;
  readonly title: string;
  readonly playerId: string;
  /** Of two tickets of a session and epoch, the one with the higher number is newer. */
  readonly number: number;
}

export type TicketCheck =
  | { readonly ok: true; readonly ticket: ClaimedTicket }
  | { readonly ok: false; readonly fault: Exclude<TicketFault, 'expired'> }
  /** A good ticket otherwise. */
  | { readonly ok: false; readonly fault: 'expired'; readonly ticket: ClaimedTicket };

/** Identifies a host. `hostId` is unique only within region and pool. */
export interface HostAddress {
  readonly region: string;
  readonly pool: string;
  readonly hostId: string;
}

/** The audience of the tickets for one host. */
export function ticketAudience({ region, pool, hostId }: HostAddress): string {
  return `host:${region}/${pool}/${hostId}`;
}

/** RFC 7518, section 3.2: a key for HS256 must have at least the size of the hash. */
const MIN_KEY_BYTES = 32;

/** Longer texts are refused without computing a signature. */
export const MAX_TICKET_CHARS = 8192;

const claimsValidator = Compile(TicketClaims);

export interface TicketVerifierOptions {
  readonly address: HostAddress;
  /** The wall clock, in milliseconds since 1970. */
  readonly wallMs: () => number;
  /** How long after its expiry a ticket is still accepted, in milliseconds. Rounded down to seconds. */
  readonly toleranceMs: number;
}

/** Verifies tickets without a broker, with the key from `registered`. Does not check the session's state. */
export class TicketVerifier {
  readonly #options: TicketVerifierOptions;
  readonly #audience: string;
  #keyText = '';
  // With a string, jsonwebtoken would parse the key for each ticket.
  #key: KeyObject | undefined;

  constructor(options: TicketVerifierOptions) {
    this.#options = options;
    this.#audience = ticketAudience(options.address);
  }

  /**
   * Sets the key of the latest registration, in place of earlier ones.
   *
   * @param keyText base64url
   * @returns false if the key is too short to be safe; the earlier one stays in use
   */
  setKey(keyText: string): boolean {
    if (keyText === this.#keyText) return true;
    const bytes = Buffer.from(keyText, 'base64url');
    if (bytes.length < MIN_KEY_BYTES) return false;
    this.#key = createSecretKey(bytes);
    this.#keyText = keyText;
    return true;
  }

  /** Never throws, whatever the argument is. */
  verify(ticket: string): TicketCheck {
    if (this.#key === undefined) return { ok: false, fault: 'no_key' };
    if (typeof ticket !== 'string' || ticket.length > MAX_TICKET_CHARS) {
      return { ok: false, fault: 'bad_signature' };
    }
    let claims: unknown;
    let hasExpired = false;
    try {
      claims = this.#decode(ticket, this.#key, false);
    } catch (error) {
      if (!(error instanceof jwt.TokenExpiredError)) return { ok: false, fault: 'bad_signature' };
      hasExpired = true;
      claims = this.#decode(ticket, this.#key, true);
    }
    // The schema checks the issuer and requires an expiry. jsonwebtoken could check the audience, but it accepts arrays, and its
    // errors differ only by text.
    if (!claimsValidator.Check(claims)) return { ok: false, fault: 'bad_claims' };
    if (claims.aud !== this.#audience) return { ok: false, fault: 'wrong_audience' };
    const claimed = toClaimedTicket(claims);
    return hasExpired ? { ok: false, fault: 'expired', ticket: claimed } : { ok: true, ticket: claimed };
  }

  #decode(ticket: string, key: KeyObject, ignoreExpiration: boolean): unknown {
    return jwt.verify(ticket, key, {
      algorithms: ['HS256'],
      clockTimestamp: Math.floor(this.#options.wallMs() / 1000),
      clockTolerance: Math.floor(this.#options.toleranceMs / 1000),
      ignoreExpiration,
    });
  }
}

function toClaimedTicket({ sid, epoch, title, sub, seq = 0 }: TicketClaims): ClaimedTicket {
  return { sessionId: sid, epoch, title, playerId: sub, number: seq };
}
