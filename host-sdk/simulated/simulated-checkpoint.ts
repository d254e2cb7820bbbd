import { MAX_CHECKPOINT_BYTES } from '@duskline/protocol/constants';
import { isJsonObject, parseJson } from '@duskline/sdk-runtime';
import { CannotMoveError, type Checkpoint } from '../sessions/checkpoint.js';

/** Faults to inject when sessions move. */
export interface MoveFaults {
  /** For sessions that move away: refuse, never answer, or return a checkpoint that is too large. */
  readonly checkpoint?: 'refuse' | 'hang' | 'too_large';
  /** For sessions that move to this host: refuse or never answer. */
  readonly restore?: 'refuse' | 'hang';
}

/** The state of a simulated session: the number of frames it has shown, on this host and earlier ones. */
export function encodeFrameCount(count: number, bytes: number): Checkpoint {
  return { state: Buffer.from(JSON.stringify({ count }).padEnd(bytes)) };
}

/** @throws CannotMoveError if `encodeFrameCount` did not create the checkpoint */
export function decodeFrameCount(checkpoint: Checkpoint): number {
  const value = 'state' in checkpoint ? parseJson(Buffer.from(checkpoint.state).toString('utf8')) : undefined;
  const count = isJsonObject(value) ? value['count'] : undefined;
  if (Number.isSafeInteger(count)) return Number(count);
  throw new CannotMoveError('The checkpoint is not that of a simulated session.');
}

/** The result of `onCheckpoint` with a fault. */
export function failCheckpoint(
  fault: NonNullable<MoveFaults['checkpoint']>,
): Checkpoint | Promise<Checkpoint> {
  if (fault === 'too_large') return { state: new Uint8Array(MAX_CHECKPOINT_BYTES + 1) };
  if (fault === 'hang') return new Promise(() => undefined);
  throw new CannotMoveError('The simulation refuses to create a checkpoint.');
}

/** The result of `onRestore` with a fault. */
export function failRestore(fault: NonNullable<MoveFaults['restore']>): Promise<boolean> {
  if (fault === 'hang') return new Promise(() => undefined);
  throw new CannotMoveError('The simulation refuses to restore the session.');
}
