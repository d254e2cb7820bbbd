/** A wrong option, or a problem of the environment, whose message is meant for the person at the terminal. */
export class CommandFailure extends Error {
  override readonly name = 'CommandFailure';
}
