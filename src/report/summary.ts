import type { Report, ServerReport } from './report.js';

/** What happened since the start, for an operator who ran the program by hand: a line for each thing, the columns aligned. */
export function summaryOf({ atMs, program, virtualServers }: Report): readonly string[] {
  return virtualServers.flatMap(({ virtualServer, servers, transitions, repairs }) => {
    const repaired = Object.values(repairs).reduce((sum, count) => sum + count, 0);
    const spent = durationInWords(atMs - program.startedAtMs);
    return [
      `${virtualServer} was taken care of for ${spent}: ` +
        `${counted(transitions.length, 'transition')}, ${counted(repaired, 'repair')}`,
      ...aligned(servers.map((server) => cells(server, atMs))),
    ];
  });
}

function cells({ server, state, sinceMs, probes, failures, recentMs }: ServerReport, atMs: number): string[] {
  const mean = recentMs.reduce((sum, ms) => sum + ms, 0) / recentMs.length;
  return [
    `  ${server}`,
    state,
    `for ${durationInWords(atMs - sinceMs)}`,
    `${counted(probes, 'probe')}, ${failures} failed`,
    recentMs.length === 0 ? 'never answered' : `answers in ${mean.toFixed(1)} ms`,
  ];
}

function aligned(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}

/** `850 ms`, `12 s`, `3 min 5 s`, `2 h 10 min`, `4 d 3 h`: what a reader needs to know of a duration, in milliseconds. */
export function durationInWords(ms: number): string {
  if (ms < 1000) return `${Math.max(0, Math.round(ms))} ms`;
  const seconds = Math.floor(ms / 1000);
  const [days, hours, minutes] = [
    Math.floor(seconds / 86_400),
    Math.floor(seconds / 3600),
    Math.floor(seconds / 60),
  ];
  if (days > 0) return `${days} d ${hours % 24} h`;
  if (hours > 0) return `${hours} h ${minutes % 60} min`;
  if (minutes > 0) return `${minutes} min ${seconds % 60} s`;
  return `${seconds} s`;
}

/** `0 B`, `999 B`, `1.5 kB`, `12 MB`: powers of 1000. */
export function bytesInWords(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let [value, unit] = [bytes, 0];
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 || value >= 9.95 ? Math.round(value) : value.toFixed(1)} ${units[unit] ?? ''}`;
}
