// Ends every process of a local system as soon as the system's main process is gone, however it went.
// The main process holds the other end of standard input and writes "+<process group>" and "-<process group>" lines.
import { createInterface } from "node:readline";

const groups = new Set();

createInterface({ input: process.stdin })
    .on("line", (line) => (line[0] === "+" ? groups.add(line.slice(1)) : groups.delete(line.slice(1))))
    .on("close", () => {
        for (const group of groups) {
            try {
                process.kill(-Number(group), "SIGKILL");
            } catch {
                // Ended by itself in the meantime.
            }
        }
    });
