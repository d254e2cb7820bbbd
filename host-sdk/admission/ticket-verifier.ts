import { createSecretKey, type KeyObject } from 'node:crypto';
import jwt from 'jsonwebtoken';
import { TicketClaims } from '@duskline/protocol';
import { Compile } from 'typebox/compile';

/** Why a ticket, alone, is no good. */
export const TICKET_FAULTS = [
  /** The host has not registered yet, so it has no key. */
  'no_key',
  /** Not a token, another algorithm than HS256, or another key: forged, or meant for another host. */
  'bad_signature',
  /** Past its `exp`. */
  'expired',
  /** Signed with this host's key, but for another host, or the claims are not those of a ticket. */
  'bad_claims',
  'wrong_audience',
] as const;
export type TicketFault = (typeof TICKET_FAULTS)[number];

export type TicketCheck =
  { readonly ok: true; readonly claims: TicketClaims } | { readonly ok: false; readonly fault: TicketFault };

/** Where a host stands; its name is unique only inside region and pool. */
export interface HostAddress {
  readonly region: string;
  readonly pool: string;
  readonly hostId: string;
}

/** The audience of the tickets for one host. */
export function ticketAudience({ region, pool, hostId }: HostAddress): string {
  return `host:${region}/${pool}/${hostId}`;
}

/** RFC 7518, 3.2: an HS256 key has at least the size of the hash. */
const MIN_KEY_BYTES = 32;

/** No ticket is longer; what is, is not worth a hash. */
export const MAX_TICKET_CHARS = 8192;

const claimsValidator = Compile(TicketClaims);

export interface TicketVerifierOptions {
  readonly address: HostAddress;
  /** The wall clock, in milliseconds since 1970. */
  readonly wallMs: () => number;
  /** How much later than its expiry a ticket is still good, in milliseconds (whole seconds count). */
  readonly toleranceMs: number;
}

/** Checks tickets offline, with the key from `registered`. Knows nothing of sessions. */
export class TicketVerifier {
  readonly #options: TicketVerifierOptions;
  readonly #audience: string;
  #keyText = '';
  // A KeyObject is parsed once; given a string, the library would parse it again for each ticket.
  #key: KeyObject | undefined;

  constructor(options: TicketVerifierOptions) {
    this.#options = options;
    this.#audience = ticketAudience(options.address);
  }

  /**
   * Takes the key of the latest registration; earlier ones no longer count.
   *
   * @param keyText base64url
   * @returns false when the key is too short to be safe; the earlier one stays
   */
  setKey(keyText: string): boolean {
    if (keyText === this.#keyText) return true;
    const bytes = Buffer.from(keyText, 'base64url');
    if (bytes.length < MIN_KEY_BYTES) return false;
    this.#key = createSecretKey(bytes);
    this.#keyText = keyText;
    return true;
  }

  /** Never throws, whatever it is given. */
  verify(ticket: string): TicketCheck {
    if (this.#key === undefined) return { ok: false, fault: 'no_key' };
    if (typeof ticket !== 'string' || ticket.length > MAX_TICKET_CHARS) {
      return { ok: false, fault: 'bad_signature' };
    }
    let claims: unknown;
    try {
      claims = jwt.verify(ticket, this.#key, {
        algorithms: ['HS256'],
        clockTimestamp: Math.floor(this.#options.wallMs() / 1000),
        clockTolerance: Math.floor(this.#options.toleranceMs / 1000),
      });
    } catch (error) {
      return { ok: false, fault: error instanceof jwt.TokenExpiredError ? 'expired' : 'bad_signature' };
    }
    // The schema holds the issuer and demands an expiry. Issuer and audience are compared here and not by
    // the library, whose errors differ by text only, and which takes an array of audiences for an answer.
    if (!claimsValidator.Check(claims)) return { ok: false, fault: 'bad_claims' };
    if (claims.aud !== this.#audience) return { ok: false, fault: 'wrong_audience' };
    return { ok: true, claims };
  }
}
