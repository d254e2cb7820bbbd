/** The store cannot be reached, or did not answer in time. Whether the call took effect is unknown. */
export class StoreUnavailableError extends Error {
  override readonly name = 'StoreUnavailableError';
}
