/** What is asked for: the rest of a request means nothing here. */
interface Question {
  /** Without the query: `/metrics`. */
  readonly path: string;
  /** The header of that name, or an empty text. */
  readonly accept: string;
}

export interface Answer {
  readonly status: number;
  /** `text/plain; charset=utf-8` */
  readonly type: string;
  readonly body: string | Buffer;
  /** How the body is encoded, when it is. */
  readonly encoding?: 'gzip';
  /** What the page may load and run, when it is one. */
  readonly contentSecurityPolicy?: string;
}

/** Answers whoever asks; must change nothing. What it rejects with is a 500. */
type Route = (question: Question) => Promise<Answer> | Answer;

export type Routes = Readonly<Record<string, Route>>;

/** One line, or a few. */
export function plain(status: number, text: string): Answer {
  return { status, type: 'text/plain; charset=utf-8', body: `${text}\n` };
}
