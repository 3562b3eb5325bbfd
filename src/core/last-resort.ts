/** That the last resort serves, in words that the log and `lvscare status` share. */
export function lastResortInWords(anyDrained: boolean): string {
  return anyDrained
    ? 'no real server is up that is not drained: as a last resort, what may still answer serves'
    : 'no real server is up: as a last resort, all that may still answer serve';
}
