/** Sent to the broker in `hello`, for operators' logs. Equal to the version in `package.json`; a test holds it so. */
export const SDK_VERSION = '0.1.0';
