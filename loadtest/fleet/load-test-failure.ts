/** A mistake of the person who starts the run, or of the machine, that can be said in a line. */
export class LoadTestFailure extends Error {
  override readonly name = 'LoadTestFailure';
}
