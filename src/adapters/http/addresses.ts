// Which machines an HTTP connection may reach. A name is resolved once and every connection goes to the addresses that
// were looked at, so that a name can't lead to one place when it is checked and to another when it is called. Addresses of
// this machine and of private networks are refused, unless the developer has named them.
import { lookup as resolveName, type LookupAddress } from "node:dns";
import { BlockList, isIP, type LookupFunction } from "node:net";
import { SluiceError } from "../../errors.ts";

/** Looks at where a connection is about to go. */
export interface AddressGuard {
  /** Throws ADDRESS_REFUSED where the host is an address that may not be called; names are looked at by `lookup`. */
  admit(url: URL): void;
  /** As `net.connect` wants it. */
  readonly lookup: LookupFunction;
}

export interface GuardOptions {
  /** Named in errors. */
  readonly connection: string;
  readonly allowPrivate: boolean;
  /** Addresses that the developer wrote down: where one of them names a private host itself, that host is meant. */
  readonly written: readonly URL[];
  /** @default the system's resolver */
  readonly resolve?: (host: string, callback: (error: Error | null, addresses: LookupAddress[]) => void) => void;
}

export function addressGuard({
  connection,
  allowPrivate,
  written,
  resolve = systemResolver,
}: GuardOptions): AddressGuard {
  const meant = new Set(written.map(({ hostname }) => hostname).filter(namesPrivateHost));
  const known = new Map<string, LookupAddress[]>();
  const isFree = (host: string): boolean => allowPrivate || meant.has(host);

  const admitted = (host: string, found: LookupAddress[]): LookupAddress[] => {
    const allowed = isFree(host) ? found : found.filter(({ address }) => !isPrivate(address));
    if (allowed.length === 0) throw refused(connection, host, found[0]?.address ?? host);
    return allowed;
  };

  return {
    admit: ({ hostname }) => {
      if (!isFree(hostname) && isPrivate(bare(hostname))) throw refused(connection, hostname, bare(hostname));
    },
    lookup: (host, options, callback) => {
      const answer = (addresses: LookupAddress[]): void => {
        const wanted = addresses.filter(({ family }) => !options.family || family === familyOf(options.family));
        const first = wanted[0];
        if (first === undefined) callback(noAddress(host), "", 0);
        else if (options.all === true) callback(null, wanted);
        else callback(null, first.address, first.family);
      };
      const pinned = known.get(host);
      if (pinned !== undefined) return answer(pinned);
      resolve(host, (error, found) => {
        if (error !== null) return callback(error as NodeJS.ErrnoException, "", 0);
        try {
          known.set(host, admitted(host, found));
        } catch (refusal) {
          return callback(refusal as Error, "", 0);
        }
        answer(known.get(host)!);
      });
    },
  };
}

function systemResolver(host: string, callback: (error: Error | null, addresses: LookupAddress[]) => void): void {
  resolveName(host, { all: true }, callback);
}

/** Does the host itself say that it is this machine or a private one? A name that merely leads there doesn't. */
function namesPrivateHost(host: string): boolean {
  return host === "localhost" || host.endsWith(".localhost") || isPrivate(bare(host));
}

const ranges: readonly (readonly [string, number])[] = [
  // "This" network, private use, shared (carrier) space, loopback, link-local (cloud metadata lies here).
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  // Protocol assignments, documentation, private use, benchmarks.
  ["192.0.0.0", 24],
  ["192.0.2.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["198.51.100.0", 24],
  ["203.0.113.0", 24],
  // Multicast, reserved, broadcast.
  ["224.0.0.0", 4],
  ["240.0.0.0", 4],
];
const privateV4 = new BlockList();
for (const [net, prefix] of ranges) privateV4.addSubnet(net, prefix, "ipv4");
const globalV6 = new BlockList();
globalV6.addSubnet("2000::", 3, "ipv6");
/** Inside of 2000::/3: protocol assignments with Teredo, documentation, and 6to4, which hides an IPv4 address. */
const specialV6 = new BlockList();
specialV6.addSubnet("2001::", 23, "ipv6");
specialV6.addSubnet("2001:db8::", 32, "ipv6");
specialV6.addSubnet("2002::", 16, "ipv6");
specialV6.addSubnet("3fff::", 20, "ipv6");

/** Is it anything but an address of the public internet? Text that is no address isn't one of them. */
export function isPrivate(address: string): boolean {
  const family = isIP(address);
  if (family === 4) return privateV4.check(address, "ipv4");
  if (family === 0) return false;
  const embedded = embeddedV4(address);
  if (embedded !== null) return isPrivate(embedded);
  return !globalV6.check(address, "ipv6") || specialV6.check(address, "ipv6");
}

/** The IPv4 address in a mapped (::ffff:0:0/96) or translated (64:ff9b::/96) one, however it is written. */
function embeddedV4(address: string): string | null {
  const text = new URL(`http://[${address.replace(/%.*$/, "")}]/`).hostname;
  const [, high, low] = /^\[(?:::ffff:|64:ff9b::)([0-9a-f]{1,4}):([0-9a-f]{1,4})\]$/.exec(text) ?? [];
  if (high === undefined || low === undefined) return null;
  const value = (Number.parseInt(high, 16) << 16) | Number.parseInt(low, 16);
  return [24, 16, 8, 0].map((shift) => (value >>> shift) & 255).join(".");
}

/** An IPv6 address without the brackets that it has in a URL. */
function bare(host: string): string {
  return host.startsWith("[") ? host.slice(1, -1) : host;
}

function familyOf(family: number | "IPv4" | "IPv6"): number {
  return family === "IPv4" ? 4 : family === "IPv6" ? 6 : family;
}

function noAddress(host: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`getaddrinfo ENOTFOUND ${host}`), { code: "ENOTFOUND" });
}

function refused(connection: string, host: string, address: string): SluiceError {
  const where = host === address ? address : `${host}, which is ${address}`;
  return new SluiceError("ADDRESS_REFUSED", `The connection "${connection}" leads to ${where}: not a public address`, {
    hint: "If a machine of your own network is meant, say so: http(url, { allowPrivateAddresses: true }).",
    details: { host, address },
  });
}
