// lab:
/** What the doctor says of a machine that has everything, to its administrator and to a user without rights. */
import { expect, test } from "bun:test";

interface Report {
  canHost: boolean;
  sentence: string;
  sections: { name: string; checks: { name: string; state: string; detail: string; remedy?: string }[] }[];
}

function doctor(...prefix: string[]): Report {
  const { stdout, stderr, exitCode } = Bun.spawnSync([...prefix, "dist/patchbay", "doctor", "--json"], {
    env: { ...process.env, XDG_DATA_HOME: "/tmp/doctor", HOME: "/tmp" },
  });
  if (exitCode !== 0) throw new Error(`${stdout}${stderr}`);
  return JSON.parse(stdout.toString()) as Report;
}

const find = (report: Report, section: string, name: string) =>
  report.sections.find((one) => one.name === section)?.checks.find((check) => check.name === name);

test("root can use the card, the camera, the devices for input and the sound card", () => {
  const report = doctor();
  for (const [section, name] of [
    ["Capture", "drm"],
    ["Capture", "camera"],
    ["Input", "uinput"],
    ["Sound", "alsa"],
    ["Machine", "CAP_SYS_ADMIN"],
    ["Machine", "UDP buffer"],
  ] as const)
    expect([name, find(report, section, name)?.state, find(report, section, name)?.detail]).toEqual([
      name,
      "ok",
      expect.any(String),
    ]);
  expect(report.sentence).toContain("A host can run here: capture drm, encoder openh264, input uinput, sound alsa");
}, 30_000);

test("a user without rights is told which, and by which lines they are got", () => {
  const report = doctor("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "--");
  expect(find(report, "Capture", "drm")?.state).toBe("no");
  expect(find(report, "Input", "uinput")?.state).toBe("no");
  expect(find(report, "Machine", "CAP_SYS_ADMIN")?.remedy).toMatch(/^sudo setcap cap_sys_admin\+ep \/.*patchbay$/);
  for (const name of ["screens", "cameras", "input"]) {
    expect(find(report, "Machine", name)?.state).toBe("poor");
    expect(find(report, "Machine", name)?.remedy).toContain("sudo usermod -aG ");
  }
}, 30_000);
