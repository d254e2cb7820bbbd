import type { Place } from '../catalog.js';
import type { FleetPicture, PlaceOption, SessionPicture } from './picture.js';
import { PlannedHost, type Mover } from './planned-host.js';
import { PlannedPlace, type Scope } from './planned-place.js';

/** The picture with numbers for places and a record for every host. */
export class PlannedFleet {
  readonly places: PlannedPlace[] = [];
  readonly #byObject = new Map<Place, number>();
  readonly #byName = new Map<string, Map<string, number>>();
  readonly #hosts: Map<string, PlannedHost>[] = [];

  constructor(
    readonly picture: FleetPicture,
    readonly scope: Scope,
  ) {
    for (const host of picture.hosts) {
      const number = this.#addPlace(host.place);
      const planned = new PlannedHost(
        host,
        number,
        scope.maxMovesPerHost,
        !scope.excludes(host.place, host.hostId),
      );
      this.placeAt(number).add(planned);
      this.#hosts[number]?.set(host.hostId, planned);
    }
  }

  /** `undefined` where there are no hosts. */
  placeNumber(place: Place): number | undefined {
    // Pictures mostly share their place objects; a look by name is for those that do not.
    const known = this.#byObject.get(place);
    return known ?? this.#byName.get(place.region)?.get(place.pool);
  }

  placeAt(number: number): PlannedPlace {
    const place = this.places[number];
    if (place === undefined) throw new RangeError(`no place ${number} among ${this.places.length}`);
    return place;
  }

  /** `undefined` when nobody knows it. */
  hostOf({ place, hostId }: SessionPicture): PlannedHost | undefined {
    const number = this.placeNumber(place);
    return number === undefined ? undefined : this.#hosts[number]?.get(hostId);
  }

  /** Notes that the plan moves it to that host. */
  move(mover: Mover, target: PlannedHost): void {
    mover.moved = true;
    this.placeAt(mover.host.place).departFrom(mover.host);
    this.placeAt(target.place).arriveAt(target);
  }

  /** Notes that the plan moves it away, and that somebody else gets the slot it leaves. */
  replace(mover: Mover): void {
    mover.moved = true;
    mover.host.replaceOne();
  }

  #addPlace(place: Place): number {
    const known = this.placeNumber(place);
    if (known !== undefined) return known;
    const number = this.places.length;
    let pools = this.#byName.get(place.region);
    if (pools === undefined) this.#byName.set(place.region, (pools = new Map<string, number>()));
    pools.set(place.pool, number);
    this.#byObject.set(place, number);
    this.places.push(new PlannedPlace(place, number, this.scope));
    this.#hosts.push(new Map());
    return number;
  }
}

/** How much further the place is for the player than the present one, in milliseconds. */
export function detourMs({ options, place }: SessionPicture, to: Place): number {
  return (rttTo(options, to) ?? Infinity) - (rttTo(options, place) ?? 0);
}

function rttTo(options: readonly PlaceOption[], { region, pool }: Place): number | undefined {
  return options.find(({ place }) => place.region === region && place.pool === pool)?.rttMs;
}

/** The numbers of the places that have hosts at all, in the order of the options, each once. */
export function placesOf(fleet: PlannedFleet, options: readonly PlaceOption[]): number[] {
  const numbers = new Set<number>();
  for (const { place } of options) {
    const number = fleet.placeNumber(place);
    if (number !== undefined) numbers.add(number);
  }
  return [...numbers];
}
