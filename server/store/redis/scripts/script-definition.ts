import type { PoolKey } from '../keys.js';
import type { ScriptConstant } from './script-constants.js';
import type { PartName } from './script-parts.js';

/** What Lua gets: text, a number, true or false; and how TypeScript gives it. `optional` is a number or `null`. */
export type ArgumentType = 'text' | 'number' | 'flag' | 'optional';

/** Names and types of arguments, in the order in which they are sent: `reservationMs` is `reservation_ms` in Lua. */
export type ArgumentTypes = Readonly<Record<string, ArgumentType>>;

/** Everything that a script or a part gets from outside. The loader makes a local variable in Lua of each. */
export interface Dependencies {
  readonly constants?: readonly ScriptConstant[];
  readonly parts?: readonly PartName[];
}

export interface ScriptDefinition extends Dependencies {
  readonly args?: ArgumentTypes;
  /** Lists of equal length, an element per item; `session_ids` in Lua, and `item_count`. Their elements are texts in Lua. */
  readonly lists?: ArgumentTypes;
  /** A part that the script seldom runs, as `<name>_on_demand()`: its functions are only made when it runs. */
  readonly onDemand?: PartName;
}

/** A script that works on one region pool. Its keys and those of its parts are sent, and no others. */
export interface PoolScriptDefinition extends ScriptDefinition {
  readonly keys?: readonly PoolKey[];
}

/** A script whose keys the caller names. */
export interface KeyedScriptDefinition extends ScriptDefinition {
  /** `lease_key` in Lua. */
  readonly keys?: readonly string[];
  /** Lists of equal length; `totals_keys` in Lua. */
  readonly keyLists?: readonly string[];
}
