/** Id of the broker that a connection belongs to. Connection ids are `<brokerId>.<number>`. */
export function brokerIdOf(connectionId: string): string {
  const dot = connectionId.lastIndexOf('.');
  return dot === -1 ? connectionId : connectionId.slice(0, dot);
}
