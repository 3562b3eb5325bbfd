/** Values in files of Kubernetes: static pods, kubeconfigs, the configuration of kube-proxy. */
import { parseAllDocuments } from 'yaml';
import { isFlatYaml } from '../text/yaml-bounds.js';
import { namesIn, textOf, type Files } from './ports.js';

/** The lists with this key in YAML or JSON, at any depth. Text that cannot be parsed has none. */
export function listsOf(text: string, key: string): readonly (readonly string[])[] {
  return valuesOf(text, key).flatMap((value) => (Array.isArray(value) ? [value.map(wordOf)] : []));
}

/** An element of a list as a text; empty for a list or a mapping, which may have a key toString. */
function wordOf(value: string | number | boolean | object | null): string {
  return typeof value === 'object' ? '' : String(value);
}

/** The outermost scalar with this key, or null if there is none. */
export function scalarOf(text: string, key: string): string | null {
  const found = valuesOf(text, key).find((value) => typeof value !== 'object' || value === null);
  return found === undefined ? null : String((found as string | number | boolean | null) ?? '');
}

/** The outermost first. */
function valuesOf(text: string, key: string): readonly unknown[] {
  const found: unknown[] = [];
  let level: unknown[] = documentsIn(text);
  // An alias may lead back to itself.
  const seen = new Set<object>();
  while (level.length > 0) {
    const entries = level.flatMap((value) => {
      if (typeof value !== 'object' || value === null || seen.has(value)) return [];
      seen.add(value);
      return Object.entries(value as Readonly<Record<string, unknown>>);
    });
    found.push(...entries.filter(([name]) => name === key).map(([, value]) => value));
    level = entries.map(([, value]) => value);
  }
  return found;
}

/** More than a manifest or a configuration of Kubernetes has, and what can be parsed in a few seconds, whatever is in it. */
const MOST_CHARACTERS = 64 * 1024;
function documentsIn(text: string): unknown[] {
  if (text.length > MOST_CHARACTERS || !isFlatYaml(text)) return [];
  try {
    return [...parseAllDocuments(text, { prettyErrors: false, logLevel: 'silent', uniqueKeys: false })].map(
      (document) => document.toJS() as unknown,
    );
  } catch {
    // For example, it has too many aliases: this is not a manifest.
    return [];
  }
}

export const MANIFESTS = ['/etc/kubernetes/manifests', '/var/lib/rancher/k3s/agent/pod-manifests'] as const;

interface CareManifest {
  readonly file: string;
  /** The arguments after `care`. */
  readonly args: readonly string[];
}

/** The static pods here that run `lvscare care`, of lvscare and of the Go lvscare. */
export async function careManifests(files: Files): Promise<readonly CareManifest[]> {
  const found: CareManifest[] = [];
  for (const directory of MANIFESTS) {
    const entries = await namesIn(files, directory);
    // kubelet ignores names that begin with a dot.
    for (const entry of entries.filter((name) => !name.startsWith('.')).toSorted()) {
      const file = `${directory}/${entry}`;
      const text = (await textOf(files, file)) ?? '';
      if (!text.includes('lvscare')) continue;
      // The arguments may be in either list.
      for (const items of [...listsOf(text, 'args'), ...listsOf(text, 'command')]) {
        const at = items.indexOf('care');
        if (at >= 0) found.push({ file, args: items.slice(at + 1) });
      }
    }
  }
  return found;
}
