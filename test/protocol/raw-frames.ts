import { expect } from 'chai';
import type { Socket } from 'node:net';
import type { ErrorCode } from '@duskline/protocol/codes';
import type { Frame, Peer } from '../support/fleet/peer.js';

/** The TCP socket under a peer's WebSocket, for what no WebSocket library would send. */
export function rawSocket(peer: Peer): Socket {
  return (peer.socket as unknown as { readonly _socket: Socket })._socket;
}

/** Sends frames in one write, so that the broker reads them in one turn. */
export function sendTogether(peer: Peer, frames: readonly object[]): void {
  const socket = rawSocket(peer);
  socket.cork();
  for (const frame of frames) peer.send(frame);
  socket.uncork();
}

/** The connection ends with that close code; the last frame before is that error, or none at all. */
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

/** The next error is that one, and it says nothing of the peer's own text but field names. */
export async function expectError(peer: Peer, code: ErrorCode): Promise<Frame> {
  const error = await peer.next('error');
  expect(error).to.include({ code });
  return error;
}
