/** What the checks need of the node. All of it only looks: nothing is changed, and no module is loaded. */
import type { Removal } from '../control-loop/ports.js';
import type { Endpoint } from '../values/endpoint.js';
import type { Answer } from '../values/exchange.js';
import type { Holder } from '../values/lock-holder.js';

/** What is to be taken care of here. */
export interface Subject {
  readonly virtualServer: Endpoint;
  /** None when nobody told. */
  readonly realServers: readonly Endpoint[];
  readonly scheduler: string;
  readonly mode: 'local' | 'link' | 'route' | 'none';
  /** The dummy interface of mode `link`. */
  readonly iface: string;
  readonly masquerade: boolean;
  /** Whether lvscare sets sysctls itself. */
  readonly setsSysctls: boolean;
  readonly sysctls: readonly WantedSysctl[];
  readonly scheme: 'https' | 'http';
  /** Where health is asked, if it is not where clients ask. */
  readonly healthPort: number | null;
}

export interface WantedSysctl {
  readonly name: string;
  readonly value: string;
  /** What goes on without it. */
  readonly without: string;
}

/** Files by their absolute path. Who reads rejects with the error of the file system. */
export interface Files {
  read(path: string): Promise<string>;
  list(path: string): Promise<readonly string[]>;
  readLink(path: string): Promise<string>;
  /** The code of the error that writing would fail with; null when it would not. Never rejects. */
  whyNotWritable(path: string): Promise<string | null>;
}

export interface Address {
  readonly address: string;
  readonly prefixLength: number;
  /** Of the interface. */
  readonly interfaceName: string;
}

export interface HostRoute {
  readonly gateway: string | null;
  readonly interfaceName: string | null;
}

interface Rule {
  readonly chain: string;
  readonly specification: string;
}

/** The rules of iptables of one variant. */
export interface Iptables {
  readonly command: string;
  readonly tables: readonly { readonly name: string; readonly rules: readonly Rule[] }[];
}

export interface NodeAddress {
  readonly address: string;
  readonly source: 'given' | 'hosts' | 'route';
  /** Where it is from, in words. */
  readonly from: string;
}

export interface Network {
  addresses(): Promise<readonly Address[]>;
  /** Routes of the main table to this address alone. */
  hostRoutes(to: string): Promise<readonly HostRoute[]>;
  /** The interface through which packets to an address leave; null when there is no way. */
  interfaceTowards(address: string): Promise<string | null>;
  /** Rejects when nothing tells. */
  nodeAddress(subject: Subject): Promise<NodeAddress>;
}

export interface Ownership {
  /** Who has hold of a virtual server here. */
  holder(virtualServer: Endpoint): Promise<Holder | null>;
  /** What lvscare remembers to have made here. */
  records(): Promise<
    readonly {
      readonly virtualServer: string;
      readonly realServers: readonly string[];
      readonly held: boolean;
    }[]
  >;
  /** What `--clean` would take away of the Go program's, and why it is not to be known where the programs to look are missing. */
  goLeftovers(virtualServer: Endpoint): Promise<Removal & { readonly unknown: string | null }>;
}

export interface Firewall {
  /** Of one family. */
  iptables(
    family: 'ipv4' | 'ipv6',
  ): Promise<{ readonly variants: readonly Iptables[]; readonly failures: readonly Error[] }>;
  /** `nft -j list ruleset`, parsed; null when the kernel has no such rules, or there is no nft to read them. */
  nftRuleset(): Promise<unknown>;
  /** What `nft --version` says; null when there is no nft. */
  nftVersion(): Promise<string | null>;
}

export interface Node {
  readonly files: Files;
  readonly network: Network;
  readonly ownership: Ownership;
  readonly firewall: Firewall;
  /** As `uname -r` says it. */
  readonly kernelRelease: string;
  /** Our own process id. */
  readonly pid: number;
  /** The effective user id. */
  readonly uid: number;
  /** In milliseconds since 1970. */
  now(): number;
  /** Asks a server, once for each server however often it is called. */
  ask(server: Endpoint): Promise<Answer>;
}

/** The text of a file; null when there is none, or when it cannot be read. */
export async function textOf(files: Files, path: string): Promise<string | null> {
  try {
    return await files.read(path);
  } catch {
    return null;
  }
}
