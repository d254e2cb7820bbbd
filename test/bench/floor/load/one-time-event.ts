/** An event that happens once, or fails. */
export class OneTimeEvent {
  readonly opened: Promise<void>;
  #open: () => void = () => undefined;
  #fail: (error: Error) => void = () => undefined;

  constructor() {
    this.opened = new Promise((resolve, reject) => {
      this.#open = resolve;
      this.#fail = reject;
    });
    // Without a listener a failure must not be an unhandled rejection.
    this.opened.catch(() => undefined);
  }

  open(): void {
    this.#open();
  }

  /** Has no effect after `open`. */
  fail(why: string): void {
    this.#fail(new Error(why));
  }
}
