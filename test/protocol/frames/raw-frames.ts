import { expect } from 'chai';
import type { Socket } from 'node:net';
import type { ErrorCode } from '@duskline/protocol/codes';
import type { Frame, Peer } from '../../support/fleet/peer.js';

/** The TCP socket under a peer's WebSocket, for bytes that no WebSocket library sends. */
export function rawSocket(peer: Peer): Socket {
  return (peer.socket as unknown as { readonly _socket: Socket })._socket;
}

/** As RFC 6455 has it, with a mask of zeros. */
const EMPTY_CLOSE_FRAME = Buffer.from([0x88, 0x80, 0, 0, 0, 0]);

/** Sends a close frame. The socket stays open, because the peer does not read the answer. */
export async function startClosing(peer: Peer): Promise<void> {
  peer.socket.pause();
  await new Promise<void>((resolve) => {
    rawSocket(peer).write(EMPTY_CLOSE_FRAME, () => resolve());
  });
}

/** Sends frames in one write, so that the broker reads them in one turn of its event loop. */
export function sendTogether(peer: Peer, frames: readonly object[]): void {
  const socket = rawSocket(peer);
  socket.cork();
  for (const frame of frames) peer.send(frame);
  socket.uncork();
}

/** Expects that the broker closes the connection with this code, and that the last frame is this error, or no error. */
export async function expectClosed(peer: Peer, closeCode: number, error: ErrorCode | null): Promise<void> {
  const { code, reason } = await peer.closed;
  const last = peer.unread.at(-1);
  const said = last?.type === 'error' ? last['code'] : null;
  expect({ code, reason, said }).to.deep.equal({
    code: closeCode,
    reason: error ?? '',
    said: error,
  });
}

/** Expects that the next error has this code. */
export async function expectError(peer: Peer, code: ErrorCode): Promise<Frame> {
  const error = await peer.next('error');
  expect(error).to.include({ code });
  return error;
}
