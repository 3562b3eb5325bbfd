import { readFileSync } from 'node:fs';

/** One row of a table in the docs: its cells by the heading of their column. */
export type TableRow = Readonly<Record<string, string>>;

/** The rows of the table that `<!-- table: NAME -->` stands before in a page of docs/. Throws when there is none. */
export function decisionTable(name: string, pageName = 'decisions.md'): TableRow[] {
  const page = readFileSync(new URL(`../../../docs/${pageName}`, import.meta.url), 'utf8');
  const marker = `<!-- table: ${name} -->`;
  const start = page.indexOf(marker);
  if (start < 0) throw new Error(`docs/${pageName} has no ${marker}`);
  const lines = page
    .slice(start + marker.length)
    .trimStart()
    .split('\n');
  const end = lines.findIndex((line) => !line.startsWith('|'));
  const [heading = [], , ...rows] = lines.slice(0, end).map(cells);
  if (rows.length === 0) throw new Error(`docs/${pageName}: the table ${name} is empty`);
  return rows.map((row) => Object.fromEntries(heading.map((column, index) => [column, row[index] ?? ''])));
}

function cells(line: string): string[] {
  return line
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim());
}

/** The cell of a column that must be there. */
export function cell(row: TableRow, column: string): string {
  const value = row[column];
  if (value === undefined) throw new Error(`no column ${column} in ${JSON.stringify(row)}`);
  return value;
}

/** A row in one line, to name a test by. */
export function titleOf(row: TableRow): string {
  return Object.entries(row)
    .filter(([column]) => column !== 'because')
    .map(([column, value]) => `${column}: ${value === '' ? '(none)' : value}`)
    .join(', ');
}
