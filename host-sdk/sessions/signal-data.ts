import { MAX_FRAME_BYTES, MAX_SIGNAL_LENGTH } from '@duskline/protocol/constants';

/** Leaves room for the rest of the frame. An escaped character takes up to six bytes. */
const MAX_DATA_BYTES = MAX_FRAME_BYTES - 2_048;

/** @throws RangeError for data that makes a broker drop the signal or the connection */
export function checkSignalData(data: string): void {
  const tooLong = data.length > MAX_SIGNAL_LENGTH || Buffer.byteLength(JSON.stringify(data)) > MAX_DATA_BYTES;
  if (data !== '' && !tooLong) return;
  throw new RangeError(
    `A signal has 1 to ${MAX_SIGNAL_LENGTH} characters, and at most ${MAX_DATA_BYTES} bytes as JSON.`,
  );
}
