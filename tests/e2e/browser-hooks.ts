/**
 * Scripts that run in a page before its own, for what a headless Chromium lacks or keeps to itself. Stand-ins replace a device that is
 * not there; the other hooks only listen. Each leaves what it has on globalThis.
 */

/** A stand-in for a gamepad of index 1. `padStandIn` is the pad; `plugPad` and `unplugPad` say that it came and went. */
export const gamepadStandIn = `
  const pad = { index: 1, id: "stand-in", mapping: "standard", connected: true, timestamp: 0, axes: [0, 0, 0, 0],
    buttons: Array.from({ length: 17 }, () => ({ value: 0, pressed: false, touched: false })) };
  let isThere = false;
  navigator.getGamepads = () => [null, isThere ? pad : null, null, null];
  const tell = (type) => dispatchEvent(Object.defineProperty(new Event(type), "gamepad", { value: pad }));
  globalThis.padStandIn = pad;
  globalThis.plugPad = () => { isThere = true; tell("gamepadconnected"); };
  globalThis.unplugPad = () => { isThere = false; tell("gamepaddisconnected"); };
`;

/** A stand-in for a MIDI keyboard. `midiStandIn(...bytes)` plays a message. */
export const midiStandIn = `
  const port = { type: "input", state: "connected", id: "stand-in", onmidimessage: null };
  navigator.requestMIDIAccess = async () => ({ inputs: new Map([[port.id, port]]), onstatechange: null });
  globalThis.midiStandIn = (...bytes) => port.onmidimessage?.({ data: new Uint8Array(bytes) });
`;

/** Keeps input events that arrive: \`cameIn\`, each a list of bytes. */
export const keepInputs = `
  globalThis.cameIn = [];
  const Real = WebSocket;
  globalThis.WebSocket = class extends Real {
    constructor(...all) {
      super(...all);
      this.addEventListener("message", ({ data }) => {
        if (data instanceof ArrayBuffer && (new Uint8Array(data)[1] & 1)) globalThis.cameIn.push([...new Uint8Array(data)]);
      });
    }
  };
`;

/** Counts sockets for streams that were begun and that ended: `begun`, `gone`. */
export const keepAttempts = `
  globalThis.begun = 0;
  globalThis.gone = 0;
  const Plain = WebSocket;
  globalThis.WebSocket = class extends Plain {
    constructor(url, ...rest) {
      super(url, ...rest);
      if (!String(url).includes("/stream/")) return;
      globalThis.begun++;
      this.addEventListener("close", () => globalThis.gone++);
    }
  };
`;

/** Listens to what goes to the loudspeaker: \`loudest()\` is the strongest frequency in Hz, and how strong in dB. */
export const keepSound = `
  let analyser;
  const connect = AudioNode.prototype.connect;
  AudioNode.prototype.connect = function (to, ...rest) {
    if (to instanceof AudioDestinationNode) {
      analyser ??= new AnalyserNode(this.context, { fftSize: 8192, smoothingTimeConstant: 0 });
      connect.call(this, analyser);
    }
    return connect.call(this, to, ...rest);
  };
  globalThis.loudest = () => {
    if (!analyser) return { hz: 0, db: -Infinity };
    const bins = new Float32Array(analyser.frequencyBinCount);
    analyser.getFloatFrequencyData(bins);
    const at = bins.indexOf(Math.max(...bins));
    return { hz: (at * analyser.context.sampleRate) / analyser.fftSize, db: bins[at] };
  };
`;

/** Keeps a page's peer connections: \`peers\`, their data channels: \`channels\`, and when the first opened after the first hello. */
export const keepPeers = `
  globalThis.peers = [];
  globalThis.channels = [];
  globalThis.helloes = [];
  globalThis.openings = [];
  const Peer = RTCPeerConnection;
  globalThis.RTCPeerConnection = class extends Peer {
    constructor(...all) {
      super(...all);
      globalThis.peers.push(this);
      this.addEventListener("datachannel", ({ channel }) => {
        globalThis.channels.push(channel);
        const opened = () => globalThis.openings.push(performance.now());
        if (channel.readyState === "open") opened();
        else channel.addEventListener("open", opened);
      });
    }
  };
  const send = WebSocket.prototype.send;
  WebSocket.prototype.send = function (data) {
    if (typeof data === "string" && data.includes('"hello"')) globalThis.helloes.push(performance.now());
    return send.call(this, data);
  };
`;

/** A network on which no direct path exists: no candidate is ever found. */
export const noPath = `
  const Usual = RTCPeerConnection;
  globalThis.RTCPeerConnection = class extends Usual {
    constructor(settings) { super({ ...settings, iceTransportPolicy: "relay" }); }
  };
`;

export const noPeers = `globalThis.RTCPeerConnection = class { constructor() { throw new Error("no peers here"); } };`;
