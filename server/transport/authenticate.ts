import type { ErrorCode } from '@duskline/protocol/codes';

/** Verifies a token and resolves to its bearer. Never rejects. `auth/` provides one for players, hosts and operators each. */
export type Authenticate<Principal> = (token: string | undefined) => Promise<
  | { readonly ok: true; readonly principal: Principal }
  | {
      readonly ok: false;
      readonly code: Extract<ErrorCode, 'UNAUTHENTICATED' | 'TOKEN_EXPIRED' | 'FORBIDDEN' | 'UNAVAILABLE'>;
      readonly message: string;
    }
>;
