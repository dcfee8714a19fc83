import { existsSync, readdirSync, readFileSync, readlinkSync, realpathSync } from "node:fs";
import { join } from "node:path";

import type { Command } from "commander";

import { home } from "../machine/projectRoot";
import { isAlive, type SystemFile } from "../machine/systemFile";

/** One thing that was looked at. */
export interface Finding {
    readonly what: string;
    /** What is wrong and what to do; without it all is well. */
    readonly fault?: string;
    readonly remedy?: string;
}

export function define(command: Command): void {
    command.option("--json", "as JSON, for programs").action(async ({ json }: { json?: boolean }) => {
        const findings = await examine(home);
        if (json) {
            console.log(JSON.stringify(findings, undefined, 4));
        } else {
            findings.forEach(({ what, fault, remedy }) => {
                console.log(
                    fault === undefined ? `  ok     ${what}` : `  FAULT  ${what}: ${fault}\n         ${remedy ?? ""}`,
                );
            });
        }
        process.exitCode = findings.some(({ fault }) => fault !== undefined) ? 1 : 0;
    });
}

export interface DoctorOptions {
    /** In bytes; default: what the set-up needs. */
    readonly neededDisk?: number;
    /** Those of the tasks, unless others are given. */
    readonly ports?: readonly number[];
}

/** Looks at all that the local system needs, and at what others of its kind left behind. */
export async function examine(
    root: string,
    { neededDisk, ports = [8443, 8480] }: DoctorOptions = {},
): Promise<Finding[]> {
    const { diskFault, findPython, goFault, goVersion, nodeFault, pythonFault, systemFault, versionOf } =
        await import("../../tools/prerequisites.mjs");
    const version = (found: readonly number[] = []) => found.join(".");
    const checks: readonly [string, { what: string; remedy: string } | undefined][] = [
        ["Linux", systemFault()],
        [`Node.js ${process.versions.node}`, nodeFault()],
        [`Python ${version(versionOf(findPython() ?? "python3"))}`.trim(), pythonFault()],
        [`Go ${version(goVersion())}`.trim(), goFault()],
        ["disk", diskFault(root, neededDisk ?? 2 ** 30)],
    ];
    return [
        ...checks.map(([what, fault]) => ({ what, fault: fault?.what, remedy: fault?.remedy })),
        installed(root),
        ...ports.map(portFree),
        ...leftovers(root),
    ];
}

function installed(root: string): Finding {
    const tools = ["bin/pulumi", "bin/pebble", "python/bin/ministack", "python/bin/envoy", "python/bin/traefik"];
    const missing = tools.filter((tool) => !existsSync(join(root, ".tools", tool)));
    return missing.length === 0
        ? { what: "tools" }
        : { what: "tools", fault: `not installed: ${missing.join(", ")}.`, remedy: "Install them with: npm run setup" };
}

/** Of the addresses of all tasks: what listens on every address of the machine has it already. */
function portFree(port: number): Finding {
    const what = `port ${port}`;
    const owner = listenerOnAll(port);
    return owner === undefined
        ? { what }
        : {
              what,
              fault: `${owner.name} (process ${owner.pid ?? "of another user"}) listens on it on every address, so tasks get another port.`,
              remedy:
                  owner.pid === undefined
                      ? "Stop it to have the usual port."
                      : `Stop it to have the usual port: kill ${owner.pid}`,
          };
}

interface Process {
    readonly pid?: number;
    readonly name: string;
}

function listenerOnAll(port: number): Process | undefined {
    const hex = port.toString(16).toUpperCase().padStart(4, "0");
    const inode = ["tcp", "tcp6"]
        .flatMap((table) => readLines(`/proc/net/${table}`))
        .map((line) => line.trim().split(/\s+/))
        .find(([, local = "", , state]) => state === "0A" && /^0+:/.test(local) && local.endsWith(`:${hex}`))?.[9];
    if (inode === undefined) {
        return undefined;
    }
    const pid = [process.pid, ...processIds()].find((id) => holdsSocket(id, inode));
    return pid === undefined ? { name: "a process" } : { pid, name: nameOf(pid) };
}

function holdsSocket(pid: number, inode: string): boolean {
    try {
        return readdirSync(`/proc/${pid}/fd`).some((fd) => {
            try {
                return readlinkSync(`/proc/${pid}/fd/${fd}`) === `socket:[${inode}]`;
            } catch {
                return false; // closed in between
            }
        });
    } catch {
        return false; // another user's, or gone
    }
}

/** Copies whose process has gone, what still runs of them, and folders that nothing uses any more. */
function leftovers(root: string): Finding[] {
    const folder = join(root, ".local");
    const names = existsSync(folder) ? readdirSync(folder) : [];
    const dead = names.filter((name) => {
        const file = systemFileOf(join(folder, name));
        return file === undefined || !isAlive(file.pid);
    });
    const processes = processIds().filter((pid) => dead.some((name) => runsIn(pid, join(folder, name))));
    const crashed = dead.filter((name) => systemFileOf(join(folder, name)) !== undefined);
    return [
        processes.length === 0
            ? { what: "leftover processes" }
            : {
                  what: "leftover processes",
                  fault: `${processes.map((pid) => `${nameOf(pid)} (${pid})`).join(", ")} of a local system that has ended.`,
                  remedy: `End them with: kill ${processes.join(" ")}`,
              },
        crashed.length === 0
            ? { what: "leftover files" }
            : {
                  what: "leftover files",
                  fault: `${crashed.join(", ")} ended without tidying up; its logs are in ${join(folder, crashed[0], "logs")}.`,
                  remedy: `Remove them with: rm -r ${crashed.map((name) => join(folder, name)).join(" ")}`,
              },
    ];
}

function systemFileOf(directory: string): SystemFile | undefined {
    const file = join(directory, "system.json");
    return existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as SystemFile) : undefined;
}

/** Whether its command line or its working directory is in a folder. */
function runsIn(pid: number, directory: string): boolean {
    const { cwd, words } = processOf(pid);
    return [cwd, ...words].some((text) => text === directory || text.includes(`${directory}/`));
}

function processOf(pid: number): { cwd: string; words: string[] } {
    try {
        const words = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
        return { cwd: realpathSync(`/proc/${pid}/cwd`), words };
    } catch {
        return { cwd: "", words: [] };
    }
}

function nameOf(pid: number): string {
    return readLines(`/proc/${pid}/comm`)[0] || "a process";
}

function processIds(): number[] {
    return readdirSync("/proc")
        .filter((entry) => /^\d+$/.test(entry))
        .map(Number)
        .filter((pid) => pid !== process.pid);
}

function readLines(file: string): string[] {
    try {
        return readFileSync(file, "utf8").split("\n");
    } catch {
        return [];
    }
}
