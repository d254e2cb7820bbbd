/** A listener; what it throws, or rejects with, is reported and goes no further. */
export type Listener<Payload> = (payload: Payload) => void | Promise<void>;

type Listeners<Events extends object> = { [Name in keyof Events]?: Set<Listener<Events[Name]>> };

/**
 * Events by name, each with one payload. Unlike Node's emitter it lets no listener break its caller, and
 * an event called `error` is an event like any other.
 */
export class TypedEvents<Events extends object> {
  readonly #listeners: Listeners<Events> = {};
  readonly #onListenerError: (event: keyof Events, error: unknown) => void;

  constructor(onListenerError: (event: keyof Events, error: unknown) => void) {
    this.#onListenerError = onListenerError;
  }

  /** Adds a listener; the answer takes it away again. */
  on<Name extends keyof Events>(event: Name, listener: Listener<Events[Name]>): () => void {
    const listeners = (this.#listeners[event] ??= new Set<Listener<Events[Name]>>());
    listeners.add(listener);
    return () => void listeners.delete(listener);
  }

  /** Calls those that listened when the event began, in the order they were added. */
  emit<Name extends keyof Events>(event: Name, payload: Events[Name]): void {
    for (const listener of [...(this.#listeners[event] ?? [])]) {
      try {
        const pending = listener(payload);
        if (pending instanceof Promise)
          pending.catch((error: unknown) => this.#onListenerError(event, error));
      } catch (error) {
        this.#onListenerError(event, error);
      }
    }
  }
}
