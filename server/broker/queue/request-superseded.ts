import { Refusal } from '../refusal.js';

/**
 * Another connection of the player, on another broker, continues the request. This broker answers CANCELLED, and leaves the
 * request in its queues for that broker.
 */
export class RequestSuperseded extends Refusal {
  override readonly name = 'RequestSuperseded';

  constructor() {
    super('CANCELLED');
  }
}
