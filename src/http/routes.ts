import type { CountedReport } from '../report/report.js';
import { plain, type Answer, type Routes } from './answer.js';
import { reportJson } from './report-json.js';

/** A page that shows a report. */
interface Page {
  /** HTML; each piece is made when the iterator reaches it. */
  readonly pieces: Iterable<string>;
  /** What it may load and run. */
  readonly contentSecurityPolicy: string;
}

interface Sources {
  /** Whether the page and the report are served. */
  readonly statusPage: boolean;
  /** The metrics, and their content type, for an Accept header. */
  metrics(accept: string): Promise<{ readonly type: string; readonly body: Buffer }>;
  report(): Promise<CountedReport>;
  /** What makes no progress, or null. */
  stuck(): string | null;
  /** Why clients of a virtual server had better not be sent here, or null; of any virtual server if it is null. */
  unready(virtualServer: string | null): string | null;
  page(report: CountedReport): Page;
  /** Makes a costly value once for all requests at about the same time. */
  coalesce<Value>(make: () => Promise<Value>): () => Promise<Value>;
  yieldIfDue(): Promise<void>;
}

/** The paths and their answers. */
export function routesOf(sources: Sources): Routes {
  const json = sources.coalesce(async (): Promise<Answer> => ({
    status: 200,
    type: 'application/json',
    body: Buffer.from(await reportJson(await sources.report(), () => sources.yieldIfDue())),
  }));
  const root = sources.coalesce(async (): Promise<Answer> => {
    const { pieces, contentSecurityPolicy } = sources.page(await sources.report());
    const made: string[] = [];
    for (const piece of pieces) {
      made.push(piece);
      await sources.yieldIfDue();
    }
    const body = Buffer.from(made.join(''));
    return { status: 200, type: 'text/html; charset=utf-8', body, contentSecurityPolicy };
  });
  return {
    ...(sources.statusPage ? { '/': root } : {}),
    '/metrics': async ({ accept }) => ({ status: 200, ...(await sources.metrics(accept)) }),
    '/healthz': () => verdict(sources.stuck(), 'stuck'),
    '/readyz': ({ query }) => verdict(sources.unready(new URLSearchParams(query).get('vs')), 'not ready'),
    ...(sources.statusPage ? { '/report.json': json } : {}),
  };
}

function verdict(complaint: string | null, words: string): Answer {
  return complaint === null ? plain(200, 'ok') : plain(503, `${words}: ${complaint}`);
}
