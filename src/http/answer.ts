/** The parts of a request that the answer depends on. */
interface Question {
  /** Without the query: `/metrics`. */
  readonly path: string;
  /** What follows `?`, or an empty text. */
  readonly query: string;
  /** The Accept header, or an empty text. */
  readonly accept: string;
}

export interface Answer {
  readonly status: number;
  /** `text/plain; charset=utf-8` */
  readonly type: string;
  readonly body: string | Buffer;
  /** How the body is encoded, if it is. */
  readonly encoding?: 'gzip';
  /** What the page may load and run, if the answer is the page. */
  readonly contentSecurityPolicy?: string;
  /** Further headers, in lower case. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** Answers a request, and changes nothing. A rejection becomes status 500. */
type Route = (question: Question) => Promise<Answer> | Answer;

export type Routes = Readonly<Record<string, Route>>;

/** One line, or a few. */
export function plain(status: number, text: string): Answer {
  return { status, type: 'text/plain; charset=utf-8', body: `${text}\n` };
}
