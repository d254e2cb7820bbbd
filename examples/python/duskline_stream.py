"""The stream of these examples. PROTOCOL.md leaves the stream to client and host; this one is lines of text over TCP.

The client sends its ticket, and the host answers `admitted` or `refused` with a reason. Then the host sends a line for each
frame of the game, and the client may send lines, which are the input of the player.
"""

import asyncio
from urllib.parse import urlsplit

TIMEOUT_S = 6
LONGEST_TICKET = 16_384


class TicketRefused(Exception):
    """The host did not accept the ticket; the text says why."""


async def open_stream(endpoint, ticket):
    """Connects to a host and shows the ticket. Returns reader and writer of the stream."""
    address = urlsplit(endpoint)
    opening = asyncio.open_connection(address.hostname, address.port, limit=LONGEST_TICKET)
    reader, writer = await asyncio.wait_for(opening, TIMEOUT_S)
    try:
        writer.write(f'{ticket}\n'.encode())
        answer = (await asyncio.wait_for(reader.readline(), TIMEOUT_S)).decode().strip()
        if answer != 'admitted':
            raise TicketRefused(answer or 'the host closed the stream')
    except BaseException:
        writer.close()
        raise
    return reader, writer


async def serve_streams(admit, play, port):
    """Listens for clients. `admit(ticket)` returns a session or raises `TicketRefused`; `play(session, reader, writer)` streams."""

    async def serve(reader, writer):
        try:
            ticket = (await asyncio.wait_for(reader.readline(), TIMEOUT_S)).decode('ascii', 'replace').strip()
            try:
                session = await admit(ticket)
            except TicketRefused as refusal:
                writer.write(f'refused: {refusal}\n'.encode())
                return
            writer.write(b'admitted\n')
            await play(session, reader, writer)
        except (OSError, ValueError, asyncio.TimeoutError):
            pass  # the client is gone, or sent no ticket
        finally:
            writer.close()

    return await asyncio.start_server(serve, '127.0.0.1', port, limit=LONGEST_TICKET)


SECRETS = {'token', 'resumeToken', 'ticket', 'ticketKey', 'iceServers'}


def show_messages(arrow, message):
    """Prints a message without its secrets."""
    fields = (f'{key}:{"…" if key in SECRETS else value}' for key, value in message.items() if key != 'type')
    print(arrow, message['type'], *fields, flush=True)
