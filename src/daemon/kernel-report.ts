import { countedTable } from '../ipvs/ipvs-table.js';
import type { Ipvs } from '../netlink/index.js';
import type { KernelReport } from '../report/report.js';
import type { Endpoint } from '../values/endpoint.js';

/** The virtual server as the kernel has it, or why that cannot be read. Never rejects. */
export async function readKernel(ipvs: Ipvs, virtualServer: Endpoint): Promise<KernelReport> {
  const { text } = virtualServer;
  try {
    return { virtualServer: text, error: null, table: await countedTable(ipvs, virtualServer) };
  } catch (error) {
    return { virtualServer: text, error: (error as Error).message, table: null };
  }
}
