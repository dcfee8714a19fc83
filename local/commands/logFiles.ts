// The log files of a running copy: one a process, below `<directory>/logs`. Their lines by time.
import { closeSync, fstatSync, openSync, readdirSync, readSync } from "node:fs";
import { join, relative } from "node:path";
import { StringDecoder } from "node:string_decoder";

export interface LogLine {
    /** The file's, without its end: `gateway`, `tasks/<task id>-<container>`, `functions/<function>`. */
    readonly name: string;
    readonly text: string;
    /** In milliseconds: what the line says, or else what the line before it in its file does. */
    readonly time: number;
}

interface OpenLog {
    readonly decoder: StringDecoder;
    read: number;
    rest: string;
    /** Of the last line; 0 = none has been read. */
    time: number;
    /** When the file was made. */
    born: number;
}

/** The names of the logs that there are. */
export function logNames(directory: string): string[] {
    const logs = join(directory, "logs");
    return readdirSync(logs, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile() && entry.name.endsWith(".log"))
        .map((entry) => relative(logs, join(entry.parentPath, entry.name)).slice(0, -".log".length))
        .sort();
}

/** Gives, each time it is called, the lines that are new since the last time, by their time. */
export function createLogReader(directory: string, isChosen: (name: string) => boolean): () => LogLine[] {
    const logs = new Map<string, OpenLog>();
    return () =>
        logNames(directory)
            .filter(isChosen)
            .flatMap((name) => {
                const log = logs.get(name) ?? {
                    decoder: new StringDecoder("utf8"),
                    read: 0,
                    rest: "",
                    time: 0,
                    born: 0,
                };
                logs.set(name, log);
                const lines = newLines(join(directory, "logs", `${name}.log`), log);
                // What stands before the first time in a file came with it.
                if (lines.length > 0) {
                    log.time ||= lines.map(timeOf).find((time) => time !== undefined) ?? log.born;
                }
                return lines.map((text) => {
                    log.time = timeOf(text) ?? log.time;
                    return { name, text, time: log.time };
                });
            })
            .sort((one, other) => one.time - other.time);
}

function newLines(path: string, log: OpenLog): string[] {
    const file = openSync(path, "r");
    try {
        const { size, birthtimeMs } = fstatSync(file);
        log.born = birthtimeMs;
        const chunk = Buffer.alloc(Math.max(0, size - log.read));
        const length = readSync(file, chunk, 0, chunk.length, log.read);
        log.read += length;
        const lines = (log.rest + log.decoder.write(chunk.subarray(0, length))).split("\n");
        log.rest = lines.pop() ?? "";
        return lines;
    } finally {
        closeSync(file);
    }
}

/** The first time that stands in a line, in the ways our processes write it; undefined when there is none. */
export function timeOf(line: string): number | undefined {
    const [, year, month, day, time, zone = ""] =
        /(\d{4})[-/](\d\d)[-/](\d\d)[T ](\d\d:\d\d:\d\d(?:\.\d+)?)(Z?)/.exec(line) ?? [];
    return year === undefined ? undefined : Date.parse(`${year}-${month}-${day}T${time}${zone}`);
}
