/** Chooses among equally possible values. */
export type Choose = <T>(options: readonly T[]) => T;

export function randomChoice(random: () => number): Choose {
  return (options) => options[Math.floor(random() * options.length)]!;
}
