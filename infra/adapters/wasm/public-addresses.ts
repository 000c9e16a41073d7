import { BlockList, isIP } from "node:net";

/** Not to be reached from guests: this machine, networks behind it, metadata servers, and what is no single host (IANA special registries). */
const PRIVATE_IPV4: readonly (readonly [string, number])[] = [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.0.2.0", 24],
  ["192.88.99.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["198.51.100.0", 24],
  ["203.0.113.0", 24],
  ["224.0.0.0", 4],
  ["240.0.0.0", 4],
  // Azure's metadata and DNS, at an address that looks public.
  ["168.63.129.16", 32],
];
/** Of the one block that is public in IPv6, what leads elsewhere: tunnels that carry IPv4 addresses, and documentation. */
const GLOBAL_IPV6 = ["2000::", 3] as const;
const PRIVATE_IPV6: readonly (readonly [string, number])[] = [
  ["2001::", 23],
  ["2001:db8::", 32],
  ["2002::", 16],
  ["3fff::", 20],
];

/** Tells public addresses, written as Node writes them, from all others. */
export function createPublicAddresses(): (address: string) => boolean {
  const blocked = new BlockList();
  for (const [net, bits] of PRIVATE_IPV4) blocked.addSubnet(net, bits, "ipv4");
  const global = new BlockList();
  global.addSubnet(...GLOBAL_IPV6, "ipv6");
  const special = new BlockList();
  for (const [net, bits] of PRIVATE_IPV6) special.addSubnet(net, bits, "ipv6");
  return (address) => {
    switch (isIP(address)) {
      case 4:
        return !blocked.check(address, "ipv4");
      case 6:
        return global.check(address, "ipv6") && !special.check(address, "ipv6");
      default:
        return false;
    }
  };
}
