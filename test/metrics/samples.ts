/** The samples of an exposition: each series as it is written, with its value. */
export function samplesOf(text: string): ReadonlyMap<string, number> {
  const samples = new Map<string, number>();
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('#')) continue;
    const at = line.lastIndexOf(' ');
    const series = line.slice(0, at);
    if (samples.has(series)) throw new Error(`twice: ${series}`);
    samples.set(series, Number(line.slice(at + 1)));
  }
  return samples;
}

/** The labels of a server of the virtual server 10.103.97.2:6443, as they are written, and further ones. */
export function ofServer(address: string, more = ''): string {
  return `{local_address="10.103.97.2",local_port="6443",proto="TCP",remote_address="${address}",remote_port="6443"${more}}`;
}

/** Those of the virtual server itself. */
export function ofVirtualServer(more = ''): string {
  return `{local_address="10.103.97.2",local_port="6443",proto="TCP"${more}}`;
}
