/** Something that happens once, or is found to be impossible. */
export class OneTimeEvent {
  readonly opened: Promise<void>;
  #open: () => void = () => undefined;
  #fail: (error: Error) => void = () => undefined;

  constructor() {
    this.opened = new Promise((resolve, reject) => {
      this.#open = resolve;
      this.#fail = reject;
    });
    // Nobody may be waiting for it.
    this.opened.catch(() => undefined);
  }

  open(): void {
    this.#open();
  }

  /** Does nothing once it is open. */
  fail(why: string): void {
    this.#fail(new Error(why));
  }
}
