/** The broker a connection belongs to: connection ids are `<brokerId>.<number>`. */
export function brokerIdOf(connectionId: string): string {
  const dot = connectionId.lastIndexOf('.');
  return dot === -1 ? connectionId : connectionId.slice(0, dot);
}
