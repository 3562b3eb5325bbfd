import { Lexer, Parser } from 'yaml';

/** How deep values may be in each other. Beyond any bound, making values of YAML takes time and memory without bound, or ends the process. */
const MOST_NESTED = 20;
/** The parser's stack also has the document and a scalar. */
const MOST_STACKED = MOST_NESTED + 2;

/** Whether a text of YAML is flat enough to be made into values. Its parser keeps a stack, and so does not recurse. */
export function isFlatYaml(text: string): boolean {
  const parser = new Parser();
  for (const lexeme of new Lexer().lex(text)) {
    // Its tokens are not needed, but making them moves the parser on.
    Array.from(parser.next(lexeme));
    if (parser.stack.length > MOST_STACKED) return false;
  }
  return true;
}
