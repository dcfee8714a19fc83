// What a machine must have, and what is said of one that has not: for the set-up and for `doctor`. Plain Node without
// dependencies, because it runs first.
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import { fileURLToPath } from "node:url";

export const oldest = { node: [20, 0], python: [3, 10], go: [1, 26], pulumi: [3, 200] };
/** node_modules 1 GB, Python tools 0.4 GB, Go's build cache 2 GB. */
export const neededDisk = 4 * 2 ** 30;

/** The version that a command tells, as [major, minor]; undefined when it cannot be run. */
export function versionOf(command, args = ["--version"], options = {}) {
    const { status, stdout, stderr } = spawnSync(command, args, { ...options, encoding: "utf8" });
    const found = status === 0 && /(\d+)\.(\d+)/.exec(stdout || stderr);
    return found ? [Number(found[1]), Number(found[2])] : undefined;
}

export function isAtLeast(version, [major, minor]) {
    return version !== undefined && (version[0] > major || (version[0] === major && version[1] >= minor));
}

/** The first of `commands` that is recent enough; undefined when none is. */
export function findPython() {
    return ["python3", "python"].find((command) => isAtLeast(versionOf(command), oldest.python));
}

// Each gives the fault, or undefined when there is none.

export function systemFault() {
    return process.platform === "linux"
        ? undefined
        : {
              what: `The local system needs Linux, which answers on all of 127.0.0.0/8; this is ${process.platform === "darwin" ? "macOS" : process.platform === "win32" ? "Windows" : process.platform}.`,
              remedy:
                  "Open this folder in its dev container (VS Code: “Reopen in Container”; GitHub: Code → Codespaces)" +
                  (process.platform === "win32"
                      ? ", or clone it inside WSL 2 and run it there."
                      : ", or use a Linux virtual machine."),
          };
}

export function nodeFault() {
    const have = process.versions.node.split(".").map(Number);
    return isAtLeast(have, oldest.node)
        ? undefined
        : tooOld("Node.js", oldest.node, [["node", have]], "See https://nodejs.org/");
}

export function pythonFault() {
    const have = ["python3", "python"].map((command) => [command, versionOf(command)]);
    if (have.some(([, version]) => isAtLeast(version, oldest.python))) {
        const python = findPython();
        return spawnSync(python, ["-c", "import ensurepip, venv"]).status === 0
            ? undefined
            : {
                  what: `${python} cannot make virtual environments.`,
                  remedy: "On Debian and Ubuntu: sudo apt install python3-venv",
              };
    }
    return tooOld("Python", oldest.python, have, "See https://www.python.org/downloads/");
}

/** Beside go.mod: an older Go, from 1.21 on, fetches the one that is asked for there, unless it may not. */
export function goVersion() {
    return versionOf("go", ["version"], { cwd: fileURLToPath(new URL(".", import.meta.url)) });
}

export function goFault() {
    const have = [["go", goVersion()]];
    const remedy =
        "See https://go.dev/dl/" +
        (isAtLeast(have[0][1], [1, 21]) ? ", or let Go fetch it: go env -w GOTOOLCHAIN=auto" : "");
    return isAtLeast(have[0][1], oldest.go) ? undefined : tooOld("Go", oldest.go, have, remedy);
}

export function diskFault(folder, needed = neededDisk) {
    const { bavail, bsize } = fs.statfsSync(folder);
    const free = bavail * bsize;
    const gigabytes = (bytes) => `${(bytes / 2 ** 30).toFixed(1)} GB`;
    return free >= needed
        ? undefined
        : {
              what: `${gigabytes(needed)} of free disk are needed in ${folder}; there are ${gigabytes(free)}.`,
              remedy: "Free some and run it again.",
          };
}

function tooOld(name, minimum, found, remedy) {
    const have = found
        .filter(([, version]) => version)
        .map(([command, version]) => `${command} ${version.slice(0, 2).join(".")}`);
    return {
        what: `${name} ${minimum.join(".")} or newer is needed; this machine has ${have.length > 0 ? have.join(", ") : "none"}.`,
        remedy,
    };
}
