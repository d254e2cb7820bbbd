/** A mistake of the person at the terminal, or of the machine, that the command can say in a line. */
export class CommandFailure extends Error {
  override readonly name = 'CommandFailure';
}
