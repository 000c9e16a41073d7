/** The names of this machine to itself, as a person writes them. */
export const LOOPBACK_HOSTS: readonly string[] = ["127.0.0.1", "localhost", "::1"];

/** Whether a host, as it stands in a variable or in a URL (where an IPv6 address is in brackets), is this machine itself. */
export function isLoopback(host: string): boolean {
  return LOOPBACK_HOSTS.includes(host.replace(/^\[(.*)\]$/, "$1"));
}
