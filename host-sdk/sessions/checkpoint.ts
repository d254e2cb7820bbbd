import { MAX_CHECKPOINT_BYTES } from '@duskline/protocol/constants';

/**
 * What a session goes on from at another host: its state, at most `MAX_CHECKPOINT_BYTES` (256 KiB), which brokers pass on
 * and do not read; or a reference (1 to 2048 characters) by which the other host finds the state.
 */
export type Checkpoint = { readonly state: Uint8Array } | { readonly reference: string };

/** As frames carry it: the state in base64. */
export type CheckpointFields = { readonly state: string } | { readonly reference: string };

const MAX_REFERENCE_CHARS = 2_048;
const MAX_REASON_CHARS = 200;

/** Thrown by `onCheckpoint` and `onRestore` to refuse a move. The message is for operators, and holds no secrets. */
export class CannotMoveError extends Error {
  override readonly name = 'CannotMoveError';
}

/** Thrown for what no broker would pass on: the application has to be mended. */
export class InvalidCheckpointError extends Error {
  override readonly name = 'InvalidCheckpointError';
}

/** Throws an InvalidCheckpointError. */
export function encodeCheckpoint(checkpoint: Checkpoint): CheckpointFields {
  if ('reference' in checkpoint) {
    const { reference } = checkpoint;
    if (reference.length > 0 && reference.length <= MAX_REFERENCE_CHARS) return { reference };
    throw new InvalidCheckpointError(
      `The reference has ${reference.length} of at most ${MAX_REFERENCE_CHARS} characters.`,
    );
  }
  const { buffer, byteOffset, byteLength } = checkpoint.state;
  if (byteLength > MAX_CHECKPOINT_BYTES) {
    throw new InvalidCheckpointError(
      `The state has ${byteLength} bytes, of at most ${MAX_CHECKPOINT_BYTES}: hand over a reference to it.`,
    );
  }
  return { state: Buffer.from(buffer, byteOffset, byteLength).toString('base64') };
}

/** `undefined` when it is not exactly one of the two. */
export function decodeCheckpoint(fields: { state?: string; reference?: string }): Checkpoint | undefined {
  const { state, reference } = fields;
  if ((state === undefined) === (reference === undefined)) return undefined;
  if (reference !== undefined) return { reference };
  return { state: Buffer.from(state ?? '', 'base64') };
}

/**
 * What the broker is told of a failure: the text of one that was meant for it, and else nothing of the error itself,
 * which may hold a secret.
 */
export function describeFailure(error: unknown, fallback: string): string {
  const isForBroker = error instanceof CannotMoveError || error instanceof InvalidCheckpointError;
  const reason = isForBroker && error.message !== '' ? error.message : fallback;
  return reason.slice(0, MAX_REASON_CHARS);
}
