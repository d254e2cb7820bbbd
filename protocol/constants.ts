/** The WebSocket sub-protocol. A broker refuses the upgrade when a peer does not offer it. */
export const SUBPROTOCOL = 'duskline.v1';

/** Where players' devices connect. */
export const CLIENT_PATH = '/v1/client';

/** Where streaming hosts connect. */
export const HOST_PATH = '/v1/host';

/** The largest frame a broker reads, in bytes; a larger one closes the connection with 1009. */
export const MAX_FRAME_BYTES = 64 * 1024;

/** The largest frame a broker reads from a host, and a host from a broker, in bytes: a checkpoint fits in. */
export const MAX_HOST_FRAME_BYTES = 512 * 1024;

/** The largest state of a session that passes through a broker when the session moves, in bytes. */
export const MAX_CHECKPOINT_BYTES = 256 * 1024;

/** The audience of every token that a broker reads. */
export const BROKER_AUDIENCE = 'duskline';

/** The issuer of every ticket; its audience is `host:<region>/<pool>/<hostId>`. */
export const TICKET_ISSUER = 'duskline';

/** The most slots one host may have: keeps a heartbeat with its session list inside one frame. */
export const MAX_SLOTS = 512;

/** The longest message that client and host of a session may pass through the broker, in UTF-16 code units. */
export const MAX_SIGNAL_LENGTH = 16 * 1024;
