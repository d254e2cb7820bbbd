/** The stream for progress: a standard stream, or a replacement in tests. */
export interface ProgressStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

/** Shows progress: on a terminal one line that refreshes, otherwise a plain line for each change. */
export interface ProgressOutput {
  /** @param aside text that changes all the time, such as the time left: shown on a terminal only */
  show(text: string, aside?: string): void;
  /** Ends the line that refreshes, so that further output starts on a new line. */
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
        // A wrapped line cannot be overwritten. The last column stays free, because some terminals wrap there.
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
