/** Figures as the pages write them. Pure. */
export function decimals(value: number, digits: number): string {
  return value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

export function bits(bps: number): string {
  if (bps >= 1e6) return `${decimals(bps / 1e6, 1)} Mbit/s`;
  return `${decimals(bps / 1e3, bps < 100e3 ? 1 : 0)} kbit/s`;
}

export function bytes(count: number): string {
  if (count >= 1e6) return `${decimals(count / 1e6, 1)} MB`;
  return count >= 1e3 ? `${decimals(count / 1e3, 1)} kB` : `${count} B`;
}
