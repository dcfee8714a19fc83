import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";

import { expect } from "chai";

import { projectRoot } from "../../../local/machine/projectRoot";
import { cliWords } from "../../support/commandLine";
import { until } from "../../support/until";

/** A command on a terminal of 80 columns and 24 rows. */
interface Terminal {
    readonly child: ChildProcess;
    /** What has been printed, without colours and movements. */
    text(): string;
    type(text: string): void;
    /** Its exit code. */
    readonly ended: Promise<number>;
}

function onTerminal(...command: readonly string[]): Terminal {
    const script = join(projectRoot, "tests/support/terminal.py");
    const child = spawn("python3", [script, "80", "24", ...command], {
        cwd: projectRoot,
        stdio: ["pipe", "pipe", "inherit"],
    });
    let printed = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (printed += text));
    return {
        child,
        text: () => stripVTControlCharacters(printed).replaceAll("\r", ""),
        type: (text) => child.stdin.write(text),
        ended: once(child, "close").then(([code]) => code as number),
    };
}

describe("npm start on a terminal", () => {
    const name = `terminal-${process.pid}`;
    const directory = join(projectRoot, ".local", name);
    let terminal: Terminal;

    beforeEach(() => {
        terminal = onTerminal(process.execPath, ...cliWords, "--system", name, "start");
    });

    afterEach(() => {
        terminal.child.kill("SIGKILL");
        rmSync(directory, { recursive: true, force: true });
    });

    /** The processes that have to do with this copy. */
    function processes(): string[] {
        return readdirSync("/proc").filter((pid) => {
            try {
                return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(`.local/${name}/`);
            } catch {
                return false; // it has gone
            }
        });
    }

    it("shows a task in lines that fit, and stops in order at Ctrl-C", async () => {
        await until("the list of tasks", () => /\n[0-9a-f]{8,32} +RUNNING /.test(terminal.text()));
        const before = terminal.text();
        expect(before).to.match(/pulumi up\n.*\d+ resources; aws:/s);
        const list = before.slice(before.lastIndexOf("TASK ")).split("\n");
        expect(list[0]).to.match(/^TASK +STATUS +FOR +(HEALTH +)?(ADDRESS)?/);
        list.forEach((line) => expect(line.length, line).to.be.at.most(80));
        expect(processes()).not.to.deep.equal([]);

        terminal.type("\x03");
        expect(await terminal.ended).to.equal(0);
        expect(terminal.text().slice(before.length)).to.match(/Stopping …\nEverything has ended\.\n$/);
        expect(processes()).to.deep.equal([]);
        expect(existsSync(join(directory, "system.json"))).to.equal(false);
        const drained = readdirSync(join(directory, "logs/tasks")).filter((file) => file.endsWith("-lifecycle.log"));
        expect(readFileSync(join(directory, "logs/tasks", drained[0]), "utf8")).to.match(/^drained in /);
    });

    it("stops in order at a Ctrl-C during pulumi up", async () => {
        await until("the first resources", () => /\d+ resources; /.test(terminal.text()));
        terminal.type("\x03");

        expect(await terminal.ended).to.equal(0);
        expect(terminal.text()).to.match(/Stopping …\nEverything has ended\.\n$/);
        await until("its processes have ended", () => processes().length === 0);
        expect(existsSync(join(directory, "system.json"))).to.equal(false);
    });
});
