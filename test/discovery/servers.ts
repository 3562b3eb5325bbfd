/** Apiservers on loopback for discovery to ask, with the kubeconfig that leads to them. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ClusterApi } from '../../lab/cluster-api.js';
import type { Clock } from '../../src/control-loop/ports.js';
import type { Issued } from '../probe/issuer.js';
import { web, type Listening } from '../probe/servers.js';

export interface Apiserver extends Listening {
  readonly api: ClusterApi;
}

/** An apiserver with the API of the lab, which knows three servers. */
export async function apiserver(certificate: Issued, ca: Issued): Promise<Apiserver> {
  const api = new ClusterApi();
  api.setAddresses(['10.0.0.1', '10.0.0.2', '10.0.0.3']);
  const options = {
    ...{ cert: certificate.cert, key: certificate.key, ca: ca.cert },
    ...{ requestCert: true, rejectUnauthorized: false },
  };
  const server = await web(options, (request, response) => {
    if (!api.answer(request, response)) response.writeHead(500).end();
  });
  return { api, endpoint: server.endpoint, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

export const SERVERS = ['10.0.0.1:6443', '10.0.0.2:6443', '10.0.0.3:6443'];

/** A kubeconfig with these lines of the cluster and of the user; its path. */
export async function writeKubeconfig(
  directory: string,
  name: string,
  cluster: Readonly<Record<string, string>>,
  user: Readonly<Record<string, string>>,
): Promise<string> {
  const path = join(directory, name);
  await writeFile(path, kubeconfig(cluster, user));
  return path;
}

export function kubeconfig(
  cluster: Readonly<Record<string, string>>,
  user: Readonly<Record<string, string>>,
): string {
  const part = (entries: Readonly<Record<string, string>>): string =>
    Object.entries(entries)
      .map(([key, value]) => `    ${key}: ${value}\n`)
      .join('');
  return `apiVersion: v1
kind: Config
current-context: default
contexts:
- context: {cluster: other, user: other}
  name: other
- context:
    cluster: kubernetes
    user: node
  name: default
clusters:
- cluster:
    server: https://apiserver.cluster.local:6443
${part(cluster)}  name: kubernetes
users:
- name: node
  user:
${part(user)}`;
}

/** A clock whose waits are over at once, and kept. Its time passes only by them, and by what a test adds. */
export class SkippingClock implements Clock {
  nowMs = 1_000_000;
  readonly waits: number[] = [];

  now(): number {
    return this.nowMs;
  }

  async sleep(ms: number): Promise<void> {
    this.waits.push(ms);
    this.nowMs += ms;
    await new Promise((resolve) => setImmediate(resolve));
  }
}
