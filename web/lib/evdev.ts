/**
 * KeyboardEvent.code (the key's place, whatever the layout) to Linux key codes (input-event-codes.h), as input events carry them.
 * Data only.
 */
const rows: readonly (readonly [first: number, codes: string])[] = [
  [1, "Escape Digit1 Digit2 Digit3 Digit4 Digit5 Digit6 Digit7 Digit8 Digit9 Digit0 Minus Equal Backspace"],
  [15, "Tab KeyQ KeyW KeyE KeyR KeyT KeyY KeyU KeyI KeyO KeyP BracketLeft BracketRight Enter"],
  [29, "ControlLeft KeyA KeyS KeyD KeyF KeyG KeyH KeyJ KeyK KeyL Semicolon Quote Backquote"],
  [42, "ShiftLeft Backslash KeyZ KeyX KeyC KeyV KeyB KeyN KeyM Comma Period Slash ShiftRight"],
  [55, "NumpadMultiply AltLeft Space CapsLock F1 F2 F3 F4 F5 F6 F7 F8 F9 F10 NumLock ScrollLock"],
  [71, "Numpad7 Numpad8 Numpad9 NumpadSubtract Numpad4 Numpad5 Numpad6 NumpadAdd Numpad1 Numpad2 Numpad3 Numpad0"],
  [83, "NumpadDecimal"],
  [85, "Lang5 IntlBackslash F11 F12 IntlRo Lang3 Lang4 Convert KanaMode NonConvert"],
  [96, "NumpadEnter ControlRight NumpadDivide PrintScreen AltRight"],
  [102, "Home ArrowUp PageUp ArrowLeft ArrowRight End ArrowDown PageDown Insert Delete"],
  [113, "AudioVolumeMute AudioVolumeDown AudioVolumeUp Power NumpadEqual"],
  [119, "Pause"],
  [121, "NumpadComma Lang1 Lang2 IntlYen MetaLeft MetaRight ContextMenu BrowserStop Again"],
  [131, "Undo"],
  [133, "Copy Open Paste Find Cut Help"],
  [140, "LaunchApp2"],
  [142, "Sleep WakeUp"],
  [150, "LaunchApp1"],
  [155, "LaunchMail BrowserFavorites"],
  [158, "BrowserBack BrowserForward"],
  [161, "Eject"],
  [163, "MediaTrackNext MediaPlayPause MediaTrackPrevious MediaStop"],
  [172, "BrowserHome BrowserRefresh"],
  [179, "NumpadParenLeft NumpadParenRight"],
  [183, "F13 F14 F15 F16 F17 F18 F19 F20 F21 F22 F23 F24"],
  [217, "BrowserSearch"],
  [226, "MediaSelect"],
];

const table = new Map<string, number>();
for (const [first, codes] of rows) for (const [i, code] of codes.split(" ").entries()) table.set(code, first + i);
/** Older names for the same keys. */
table.set("OSLeft", 125).set("OSRight", 126).set("VolumeMute", 113).set("VolumeDown", 114).set("VolumeUp", 115);

/** Undefined for a key without a Linux code. */
export const evdevOf = (code: string): number | undefined => table.get(code);

const names = new Map<number, string>();
for (const [code, number] of table) if (!names.has(number)) names.set(number, code);

/** The browser's name of a Linux key code, for showing it; undefined when it has none. */
export const codeOf = (evdev: number): string | undefined => names.get(evdev);
