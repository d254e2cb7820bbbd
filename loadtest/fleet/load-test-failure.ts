/** A wrong option, or a problem of the machine or the brokers, whose message is meant for the person who starts the run. */
export class LoadTestFailure extends Error {
  override readonly name = 'LoadTestFailure';
}
