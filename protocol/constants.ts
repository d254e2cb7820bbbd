/** The WebSocket sub-protocol. A broker refuses upgrades that do not offer it. */
export const SUBPROTOCOL = 'duskline.v1';

/** Path where clients connect. */
export const CLIENT_PATH = '/v1/client';

/** Path where hosts connect. */
export const HOST_PATH = '/v1/host';

/** The largest frame that a broker reads from a client by default, in bytes. A larger one closes the connection with 1009. */
export const MAX_FRAME_BYTES = 64 * 1024;

/** The largest frame between broker and host by default, in bytes: a checkpoint in base64 fits. */
export const MAX_HOST_FRAME_BYTES = 512 * 1024;

/** The most fragments of one message. More close the connection with 1008. */
export const MAX_FRAGMENTS = 16 * 1024;

/** The largest checkpoint state that passes through a broker, in bytes before base64. */
export const MAX_CHECKPOINT_BYTES = 256 * 1024;

/** The audience (`aud`) of tokens for brokers. */
export const BROKER_AUDIENCE = 'duskline';

/** The issuer (`iss`) of tickets. Their audience is `host:<region>/<pool>/<hostId>`. */
export const TICKET_ISSUER = 'duskline';

/** The most slots of a host, so that a heartbeat with all sessions fits into one frame. */
export const MAX_SLOTS = 512;

/** The longest `data` of a signal, in UTF-16 code units. */
export const MAX_SIGNAL_LENGTH = 16 * 1024;
