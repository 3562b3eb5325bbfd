/** What a look at one virtual server in the kernel's table found. */
export interface KernelLook {
  /** `10.103.97.2:6443` */
  readonly virtualServer: string;
  /** Why the table could not be read, or null. */
  readonly error: string | null;
  /** null when there is none, or when it could not be read. */
  readonly table: { readonly rows: readonly KernelRow[] } | null;
}

/** One row as the kernel has it. */
export interface KernelRow {
  /** `10.103.97.200:6443` */
  readonly server: string;
  readonly weight: number;
  /** Established connections. */
  readonly active: number;
  /** Connections that are being made or ended. */
  readonly inactive: number;
}
