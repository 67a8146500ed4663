/** What this process used of the machine, for reports. */
export interface Usage {
  /** Processor time over wall time: 100 is one core kept busy. */
  readonly percent: number;
  readonly userMs: number;
  readonly systemMs: number;
  /** Resident memory now, in bytes. */
  readonly residentBytes: number;
}

/** Starts measuring; the returned function tells the use since then. */
export function cpuMeter(): () => Usage {
  const from = process.cpuUsage();
  const since = performance.now();
  return () => {
    const { user, system } = process.cpuUsage(from);
    const wallMs = performance.now() - since;
    return {
      percent: wallMs > 0 ? (user + system) / 10 / wallMs : 0,
      userMs: user / 1000,
      systemMs: system / 1000,
      residentBytes: process.memoryUsage.rss(),
    };
  };
}
