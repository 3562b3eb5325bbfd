/** A text of YAML or JSON as plain values that know their lines. */
import { isAlias, isMap, isPair, isScalar, isSeq, LineCounter, parseAllDocuments, type Node } from 'yaml';
import { withoutStacks } from '../text/without-stacks.js';
import { isFlatYaml } from '../text/yaml-bounds.js';

export type Tree =
  | { readonly kind: 'map'; readonly line: number; readonly entries: readonly Entry[] }
  | { readonly kind: 'list'; readonly line: number; readonly items: readonly Tree[] }
  | { readonly kind: 'scalar'; readonly line: number; readonly value: unknown }
  /** An alias, which is not followed: aliases of aliases grow without bound. */
  | { readonly kind: 'alias'; readonly line: number };

export interface Entry {
  readonly key: string;
  readonly line: number;
  readonly value: Tree;
}

type Parsed =
  | { readonly kind: 'tree'; readonly tree: Tree }
  /** It cannot be parsed: where, and why in words. */
  | { readonly kind: 'failed'; readonly line: number; readonly why: string };

/** Parses one document. Never throws. */
// ts-unused-exports:disable-next-line
export function parseYaml(text: string): Parsed {
  if (!isFlatYaml(text)) return { kind: 'failed', line: 1, why: 'its values are too deep in each other' };
  const lines = new LineCounter();
  const options = { lineCounter: lines, prettyErrors: false, logLevel: 'silent', uniqueKeys: false } as const;
  try {
    const [document, another] = withoutStacks(() => [...parseAllDocuments(text, options)]);
    if (document === undefined) return { kind: 'failed', line: 1, why: 'it is empty' };
    if (another !== undefined)
      return { kind: 'failed', line: lines.linePos(another.range[0]).line, why: 'it has a second document' };
    const [error] = document.errors;
    if (error !== undefined)
      return {
        kind: 'failed',
        line: lines.linePos(error.pos[0]).line,
        why: error.message.replaceAll(/\s+/g, ' '),
      };
    return { kind: 'tree', tree: treeOf(document.contents, 1, lines) };
  } catch (error) {
    return { kind: 'failed', line: 1, why: (error as Error).message.replaceAll(/\s+/g, ' ') };
  }
}

function treeOf(node: Node | null, near: number, lines: LineCounter): Tree {
  const at = node?.range?.[0];
  const line = at === undefined ? near : lines.linePos(at).line;
  if (isAlias(node)) return { kind: 'alias', line };
  if (isMap(node))
    return {
      kind: 'map',
      line,
      entries: node.items.filter(isPair).map(({ key, value }) => {
        const name = treeOf(key as Node | null, line, lines);
        return {
          key: name.kind === 'scalar' ? String(name.value) : '',
          line: name.line,
          value: treeOf(value as Node | null, name.line, lines),
        };
      }),
    };
  if (isSeq(node))
    return { kind: 'list', line, items: node.items.map((item) => treeOf(item as Node | null, line, lines)) };
  return { kind: 'scalar', line, value: isScalar(node) ? node.value : null };
}

/** A value for a message, in one line and not too long. */
// ts-unused-exports:disable-next-line
export function treeInWords(tree: Tree): string {
  switch (tree.kind) {
    case 'map':
      return 'a mapping';
    case 'list':
      return 'a list';
    case 'alias':
      return 'an alias';
    case 'scalar':
      return String(tree.value).slice(0, 100);
  }
}
