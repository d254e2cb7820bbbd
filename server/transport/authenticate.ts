import type { ErrorCode } from '@duskline/protocol/codes';

/** Checks a token and says whose it is. `auth/` provides it, for each kind of bearer. */
export type Authenticate<Principal> = (token: string | undefined) => Promise<
  | { readonly ok: true; readonly principal: Principal }
  | {
      readonly ok: false;
      readonly code: Extract<ErrorCode, 'UNAUTHENTICATED' | 'TOKEN_EXPIRED' | 'FORBIDDEN' | 'UNAVAILABLE'>;
      readonly message: string;
    }
>;
