import type { Place } from '../domain/catalog.js';
import type { BrokerContext } from './context.js';
import { deliver } from './deliver.js';

/** Fetches this broker's mail of one place and tells the connections concerned. */
export async function fetchMail(context: BrokerContext, place: Place): Promise<void> {
  const sessions = await context.store.takeMail(place, context.brokerId);
  for (const session of sessions) deliver(context, place, session);
}

/** Looks everywhere for what a nudge should have announced, and how full the places are. */
export async function lookEverywhere(context: BrokerContext): Promise<void> {
  await Promise.all([
    context.fleet.refresh(),
    ...context.fleet.places.map((place) => fetchMail(context, place)),
  ]);
}
