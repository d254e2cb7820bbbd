/** How players and hosts are simulated: through the SDKs, or by a cheaper implementation of the protocol. */
export const DRIVERS = ['sdk', 'lean'] as const;
export type Driver = (typeof DRIVERS)[number];
