/** Where progress is shown: standard output, or what a test gives. */
export interface ProgressStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

/** One line that refreshes on a terminal; elsewhere a plain line for each change. */
export interface ProgressOutput {
  /** @param aside what changes all the time, such as the time left: only a line that refreshes shows it */
  show(text: string, aside?: string): void;
  /** Leaves the line as it is; what is written next begins on its own. */
  end(): void;
}

const CLEAR_TO_END_OF_LINE = '\u001B[K';
const USUAL_COLUMNS = 80;

export function createProgressOutput(stream: ProgressStream): ProgressOutput {
  let shown: string | undefined;
  return {
    show(text, aside) {
      if (stream.isTTY !== true) {
        if (text !== shown) stream.write(`${text}\n`);
      } else {
        // A line that wraps cannot be written over. The last column stays free: some terminals wrap at it.
        const room = (stream.columns ?? USUAL_COLUMNS) - 1;
        const line = (aside === undefined ? text : `${text}  ${aside}`).slice(0, room);
        stream.write(`\r${line}${CLEAR_TO_END_OF_LINE}`);
      }
      shown = text;
    },
    end() {
      if (stream.isTTY === true && shown !== undefined) stream.write('\n');
      shown = undefined;
    },
  };
}
