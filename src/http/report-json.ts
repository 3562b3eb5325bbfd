import type { CountedReport } from '../report/report.js';

/** As JSON.stringify would write it, but in parts: a thousand servers with an hour each are megabytes. */
export async function reportJson(report: CountedReport, yieldIfDue: () => Promise<void>): Promise<string> {
  const { virtualServers, ...rest } = report;
  const texts: string[] = [];
  for (const { servers, ...others } of virtualServers) {
    const serverTexts: string[] = [];
    for (const server of servers) {
      serverTexts.push(JSON.stringify(server));
      await yieldIfDue();
    }
    texts.push(withList(others, 'servers', serverTexts));
  }
  return `${withList(rest, 'virtualServers', texts)}\n`;
}

/** The JSON of an object with one more member: a list of texts that are JSON already. */
function withList(object: object, name: string, texts: readonly string[]): string {
  return `${JSON.stringify(object).slice(0, -1)},${JSON.stringify(name)}:[${texts.join(',')}]}`;
}
