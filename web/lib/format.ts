/** Figures as the pages write them. Pure. */
export function decimals(value: number, digits: number): string {
  return value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

export function count(value: number): string {
  return value.toLocaleString("en");
}

export function bits(bps: number): string {
  if (bps >= 1e9) return `${decimals(bps / 1e9, 2)} Gbit/s`;
  if (bps >= 1e6) return `${decimals(bps / 1e6, 1)} Mbit/s`;
  return `${decimals(bps / 1e3, bps > 0 && bps < 100e3 ? 1 : 0)} kbit/s`;
}

export function bytes(count: number): string {
  if (count >= 1e9) return `${decimals(count / 1e9, 2)} GB`;
  if (count >= 1e6) return `${decimals(count / 1e6, 1)} MB`;
  return count >= 1e3 ? `${decimals(count / 1e3, 1)} kB` : `${count} B`;
}

/** `1 message`, `2 messages` */
export function counted(value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? "" : "s"}`;
}

/** With as many digits as the figure deserves. */
export function milliseconds(ms: number): string {
  return `${decimals(ms, ms < 1 ? 2 : ms < 100 ? 1 : 0)} ms`;
}

export function duration(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  const hours = Math.floor(whole / 3600);
  return hours < 48
    ? `${hours} h ${Math.floor((whole % 3600) / 60)} min`
    : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}
