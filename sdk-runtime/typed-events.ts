/** An event listener. Errors that it throws, and promises that it rejects, are reported to the owner of the events. */
export type Listener<Payload> = (payload: Payload) => void | Promise<void>;

type Listeners<Events extends object> = { [Name in keyof Events]?: Set<Listener<Events[Name]>> };

/**
 * Named events, each with one payload. Unlike Node's `EventEmitter`, a listener that throws affects neither the emitter nor
 * the other listeners, and an event called `error` has no special meaning.
 */
export class TypedEvents<Events extends object> {
  readonly #listeners: Listeners<Events> = {};
  readonly #onListenerError: (event: keyof Events, error: unknown) => void;

  /** @param onListenerError receives what a listener threw, or the reason for which its promise was rejected */
  constructor(onListenerError: (event: keyof Events, error: unknown) => void) {
    this.#onListenerError = onListenerError;
  }

  /**
   * Adds a listener.
   *
   * @returns a function that removes the listener
   */
  on<Name extends keyof Events>(event: Name, listener: Listener<Events[Name]>): () => void {
    const listeners = (this.#listeners[event] ??= new Set<Listener<Events[Name]>>());
    listeners.add(listener);
    return () => void listeners.delete(listener);
  }

  /** Calls the listeners in the order in which they were added. Listeners added meanwhile are not called. */
  emit<Name extends keyof Events>(event: Name, payload: Events[Name]): void {
    for (const listener of [...(this.#listeners[event] ?? [])])
      callListener(listener, payload, (error) => this.#onListenerError(event, error));
  }
}

/** Calls a listener, if there is one. `onError` receives what it threw, or the reason for which its promise was rejected. */
export function callListener<Payload>(
  listener: Listener<Payload> | undefined,
  payload: Payload,
  onError: (error: unknown) => void,
): void {
  try {
    const pending = listener?.(payload);
    if (pending instanceof Promise) pending.catch(onError);
  } catch (error) {
    onError(error);
  }
}
