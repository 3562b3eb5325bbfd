/** As much of YAML as the files that matter here are written in: kubeadm's, sealos', k3s', kubectl's, and JSON. */
import { textOf, type Files } from './ports.js';

/** The items of every list with this key, in order: `key:` and `- item` lines, or `key: [item, item]`. */
export function listsOf(text: string, key: string): readonly (readonly string[])[] {
  if (text.trimStart().startsWith('{')) {
    try {
      return listsInJson(JSON.parse(text), key);
    } catch {
      // YAML may begin so, too.
    }
  }
  const lines = text.split('\n');
  const lists: string[][] = [];
  const head = new RegExp(`^(\\s*(?:- )?)"?${key}"?:\\s*(.*?)\\s*$`);
  lines.forEach((line, index) => {
    const [, lead, rest = ''] = head.exec(line) ?? [];
    if (lead === undefined) return;
    if (rest.startsWith('[')) lists.push(flowItems([rest, ...lines.slice(index + 1)].join('\n')));
    else if (rest === '' || rest.startsWith('#')) lists.push(blockItems(lines.slice(index + 1), lead.length));
    else lists.push([]);
  });
  return lists;
}

/** The scalar of the first line with this key; null when there is none. */
export function scalarOf(text: string, key: string): string | null {
  const found = new RegExp(`^\\s*(?:- )?"?${key}"?:[ \\t]*(\\S.*?)?\\s*,?\\s*$`, 'm').exec(text);
  return found === null ? null : unquoted(found[1] ?? '');
}

function listsInJson(value: unknown, key: string): readonly (readonly string[])[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value as Readonly<Record<string, unknown>>).flatMap(([name, inner]) =>
    name === key && Array.isArray(inner) ? [inner.map(String)] : listsInJson(inner, key),
  );
}

function blockItems(lines: readonly string[], indent: number): string[] {
  const items: string[] = [];
  for (const line of lines) {
    if (/^\s*(#.*)?$/.test(line)) continue;
    const [, lead, item] = /^(\s*)-\s+(.*?)\s*$/.exec(line) ?? [];
    // A list may stand as far left as its key, but no further.
    if (lead === undefined || item === undefined || lead.length < indent - 2) break;
    items.push(unquoted(item));
  }
  return items;
}

function flowItems(text: string): string[] {
  const inside = text.slice(1);
  const items: readonly string[] =
    inside.match(/"(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[^\s,\]"'][^,\]\n]*|\]/g) ?? [];
  const end = items.indexOf(']');
  return items.slice(0, end < 0 ? items.length : end).map((item) => unquoted(item.trim()));
}

function unquoted(text: string): string {
  if (/^"(?:[^"\\]|\\.)*"/.test(text)) {
    const [quoted = '""'] = /^"(?:[^"\\]|\\.)*"/.exec(text) ?? [];
    try {
      return JSON.parse(quoted) as string;
    } catch {
      return quoted.slice(1, -1);
    }
  }
  const [, single] = /^'((?:[^']|'')*)'/.exec(text) ?? [];
  return single?.replaceAll("''", "'") ?? text.replace(/\s+#.*$/, '');
}

export const MANIFESTS = ['/etc/kubernetes/manifests', '/var/lib/rancher/k3s/agent/pod-manifests'] as const;

interface CareManifest {
  readonly file: string;
  /** What follows on `care`. */
  readonly args: readonly string[];
}

/** The static pods here that run lvscare care, lvscare's own and the Go program's. */
export async function careManifests(files: Files): Promise<readonly CareManifest[]> {
  const found: CareManifest[] = [];
  for (const directory of MANIFESTS) {
    const entries = await files.list(directory).catch(() => []);
    // The kubelet passes over what begins with a dot.
    for (const entry of entries.filter((name) => !name.startsWith('.')).toSorted()) {
      const file = `${directory}/${entry}`;
      const text = (await textOf(files, file)) ?? '';
      if (!text.includes('lvscare')) continue;
      // A command may have it all.
      for (const items of [...listsOf(text, 'args'), ...listsOf(text, 'command')]) {
        const at = items.indexOf('care');
        if (at >= 0) found.push({ file, args: items.slice(at + 1) });
      }
    }
  }
  return found;
}
