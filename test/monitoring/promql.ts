/** What a PromQL expression names: enough of the language for the expressions of manifests/monitoring/. */

interface Named {
  /** Each metric with the labels that its own matchers name. */
  readonly metrics: readonly { readonly name: string; readonly labels: readonly string[] }[];
  /** Labels by which it groups and joins. */
  readonly labels: readonly string[];
}

const WORDS = new Set(['and', 'or', 'unless', 'bool', 'offset', 'inf', 'nan', 'start', 'end']);
/** Aggregations may have their `by` before what they aggregate, and are followed by no bracket then. */
const AGGREGATIONS = new Set([
  ...['sum', 'avg', 'min', 'max', 'count', 'group', 'stddev', 'stdvar'],
  ...['topk', 'bottomk', 'quantile', 'count_values'],
]);

const namesIn = (list: string): string[] => list.split(',').flatMap((name) => name.trim() || []);

export function namedIn(expression: string): Named {
  const labels: string[] = [];
  const bare = expression
    .replaceAll(/"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'/g, '""')
    .replaceAll(/\[[^\]]*\]/g, '')
    .replaceAll(/\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)/g, (_, list: string) => {
      labels.push(...namesIn(list));
      return ' ';
    });
  const metrics = [...bare.matchAll(/(?<![\w:])([A-Za-z_:][\w:]*)\s*(?:\{([^}]*)\})?(?!\w)(\s*\()?/g)]
    .filter(
      ([, name = '', , bracket]) => bracket === undefined && !WORDS.has(name) && !AGGREGATIONS.has(name),
    )
    .map(([, name = '', matchers = '']) => ({
      name,
      labels: [...matchers.matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g)].map(([, label = '']) => label),
    }));
  return { metrics, labels };
}
