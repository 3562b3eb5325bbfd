/** Runs something, and any error that it makes has no stack: a parser of YAML makes one for each mistake in a text, and stacks take most of its time. */
export function withoutStacks<Value>(run: () => Value): Value {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    return run();
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}
