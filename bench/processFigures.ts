// What the kernel says about a process.
import { readdirSync, readFileSync } from "node:fs";

/** Seconds of CPU time that a process and its children have had, to the nanosecond. */
export function cpuSeconds(pid: number): number {
    const threads = readdirSync(`/proc/${pid}/task`);
    const own = threads.map((thread) => {
        const [nanoseconds] = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "utf8").split(" ");
        return Number(nanoseconds) / 1e9;
    });
    const children = threads.flatMap((thread) =>
        readFileSync(`/proc/${pid}/task/${thread}/children`, "utf8").split(" ").filter(Boolean).map(Number),
    );
    return [...own, ...children.map(cpuSeconds)].reduce((sum, value) => sum + value, 0);
}

/** MiB. */
export function memoryOf(pid: number, field: "VmRSS" | "VmHWM" | "RssAnon"): number {
    const text = readFileSync(`/proc/${pid}/status`, "utf8");
    return Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, "m").exec(text)?.[1]) / 1024;
}

/** MiB that a process would give back, were it to end: a share of what it shares with others. */
export function proportionalMemoryOf(pid: number): number {
    const text = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
    return Number(/^Pss:\s+(\d+) kB$/m.exec(text)?.[1]) / 1024;
}
