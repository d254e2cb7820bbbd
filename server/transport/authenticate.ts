import type { ErrorCode } from '@duskline/protocol/codes';

/** Verifies a token and resolves to its bearer. Never rejects. `auth/` provides one for players, hosts and operators each. */
export type Authenticate<Principal> = (token: string | undefined) => Promise<
  | { readonly ok: true; readonly principal: Principal }
  | {
      readonly ok: false;
      readonly code: Extract<
        ErrorCode,
        'UNAUTHENTICATED' | 'TOKEN_EXPIRED' | 'TOKEN_NOT_YET_VALID' | 'FORBIDDEN' | 'UNAVAILABLE'
      >;
      readonly message: string;
      /** Milliseconds until another attempt with the same token may succeed, if that is known. */
      readonly retryAfterMs?: number;
    }
>;
