/** Sent in `hello`, for the broker's logs. A test checks that it equals the version in `package.json`. */
export const SDK_VERSION = '0.1.0';
