/**
 * Calls the listener each time the device or page wakes, or its network returns: the connection may be dead.
 *
 * @returns a function that stops this
 */
export type WakeSignals = (onWake: () => void) => () => void;

interface EventSource {
  addEventListener?(type: string, listener: () => void): void;
  removeEventListener?(type: string, listener: () => void): void;
}

/** The signals of browsers: the page becomes visible, returns from the cache, or the network returns. Elsewhere none. */
export const browserWakeSignals: WakeSignals = (onWake) => {
  const page = globalThis as EventSource & { document?: EventSource & { visibilityState?: string } };
  const handleEvent = (): void => {
    if (page.document?.visibilityState !== 'hidden') onWake();
  };
  const sources = [
    [page.document, 'visibilitychange'],
    [page, 'pageshow'],
    [page, 'online'],
  ] as const;
  for (const [source, type] of sources) source?.addEventListener?.(type, handleEvent);
  return () => {
    for (const [source, type] of sources) source?.removeEventListener?.(type, handleEvent);
  };
};
