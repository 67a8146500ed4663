/** A pairing code as a QR code, for a terminal or a page. The library is loaded only when one is wanted. It keeps nothing. */

/** Lines of half blocks with a quiet zone, dark on light whatever the terminal's colours are. */
export async function qrForTerminal(text: string): Promise<string> {
  const { default: qrcode } = await import("qrcode");
  return qrcode.toString(text, { type: "terminal", small: true, errorCorrectionLevel: "M" });
}

/** An `<svg>` element. */
export async function qrAsSvg(text: string): Promise<string> {
  const { default: qrcode } = await import("qrcode");
  return qrcode.toString(text, { type: "svg", errorCorrectionLevel: "M", margin: 4 });
}
