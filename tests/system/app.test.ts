import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect } from "chai";

import { appOf } from "../../local/commands/app";
import { visit } from "../../local/internet/visitor";
import { projectRoot } from "../../local/machine/projectRoot";
import { findSystemFile } from "../../local/machine/systemFile";
import { cliWords, taskgate } from "../support/commandLine";
import { type ContainerEngine, startContainerEngine } from "../support/containerEngine";
import { until } from "../support/until";

describe("an app of one's own", function () {
    this.timeout(600_000);
    const name = `app-${process.pid}`;
    let folder: string;
    let started: ChildProcess | undefined;

    beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "taskgate-app-"))));

    afterEach(async () => {
        if (started !== undefined && started.exitCode === null) {
            started.kill("SIGINT");
            await once(started, "exit");
        }
        rmSync(folder, { recursive: true });
        rmSync(join(projectRoot, ".local", name), { recursive: true, force: true });
    });

    function program(says: string): string {
        return (
            'import { createServer } from "node:http";\n' +
            `createServer((request, response) => response.end(${JSON.stringify(says)})).listen(process.env.PORT);\n`
        );
    }

    it("runs in the tasks, and is replaced when a file changes", async () => {
        writeFileSync(join(folder, "server.mjs"), program("one"));
        const words = ["--system", name, "start", "--app", folder, "--command", "node server.mjs"];
        started = spawn(process.execPath, [...cliWords, ...words], {
            cwd: projectRoot,
            stdio: ["ignore", "pipe", "inherit"],
        });
        let printed = "";
        started.stdout!.on("data", (text) => (printed += String(text)));
        const hostname = (text: string, pattern: RegExp) => pattern.exec(text)?.[1];
        const first = await until("the first task", () => hostname(printed, /\n {2}https:\/\/([^:/]+)/));
        const system = findSystemFile(join(projectRoot, ".local", name))!;
        expect((await visit(system, first)).body).to.equal("one");

        await until("the list of tasks", () => /RUNNING/.test(printed)); // from now on it looks at the files
        writeFileSync(join(folder, "server.mjs"), program("two"));
        const second = await until("the next task", () => hostname(printed, /The app has changed: https:\/\/([^:/]+)/));
        expect((await visit(system, second)).body).to.equal("two");
        const old = await until("the end of the first", async () => {
            const tasks = JSON.parse((await taskgate("--system", name, "status", "--json")).stdout) as {
                id: string;
                status: string;
            }[];
            return tasks.find(({ id, status }) => first.startsWith(id) && status === "STOPPED");
        });
        expect(old.status).to.equal("STOPPED");
    });

    it("is what its Dockerfile starts, unless a command is given", () => {
        writeFileSync(join(folder, "server.mjs"), program("one"));
        writeFileSync(join(folder, "Dockerfile"), 'FROM node:24\nCOPY server.mjs /app/\nCMD ["node", "server.mjs"]\n');
        expect(appOf(folder, undefined, 8080)).to.deep.equal({ folder, command: ["node", "server.mjs"], port: 8080 });
        expect(appOf(folder, "node other.mjs", 80).command).to.deep.equal(["/bin/sh", "-c", "exec node other.mjs"]);
    });

    it("is told what is missing", () => {
        const message = (dockerfile?: string) => {
            if (dockerfile !== undefined) {
                writeFileSync(join(folder, "Dockerfile"), dockerfile);
            }
            return () => appOf(folder, undefined, 8080);
        };
        expect(() => appOf(join(folder, "none"), undefined, 8080)).to.throw(/^--app .*: there is no folder /);
        expect(message()).to.throw(/has no Dockerfile\. Say what to run: --command "node server\.mjs"\.$/);
        expect(message("FROM node:24\nRUN npm ci\n")).to.throw(
            /its Dockerfile cannot be followed here: .*RUN.*Say what to run instead: --command/s,
        );
    });
});

describe("an image run by a container engine", function () {
    this.timeout(600_000);
    const name = `containers-${process.pid}`;
    let engine: ContainerEngine | undefined;
    let started: ChildProcess | undefined;

    before(async function () {
        engine = await startContainerEngine(
            'import { createServer } from "node:http";\n' +
                'process.on("SIGTERM", () => process.exit());\n' +
                "createServer((_, answer) => answer.end(`process ${process.pid}`)).listen(8080);\n",
        );
        if (engine === undefined) {
            this.skip(); // no Podman here, or no right to start containers
        }
    });
    after(async () => {
        if (started !== undefined && started.exitCode === null) {
            started.kill("SIGINT");
            await once(started, "exit");
        }
        await engine?.stop();
        rmSync(join(projectRoot, ".local", name), { recursive: true, force: true });
    });

    it("is the task's app, at its HTTPS name, and ends with the system", async () => {
        const words = ["start", "--containers", "-c", `taskgate:image=${engine!.image}`, "-c", "taskgate:command=[]"];
        started = spawn(process.execPath, [...cliWords, "--system", name, ...words], {
            cwd: projectRoot,
            stdio: ["ignore", "pipe", "inherit"],
        });
        let printed = "";
        started.stdout!.on("data", (text) => (printed += String(text)));
        const hostname = await until("the task's name", () => /\n {2}https:\/\/([^:/]+)/.exec(printed)?.[1]);
        const system = findSystemFile(join(projectRoot, ".local", name))!;
        expect((await visit(system, hostname)).body).to.equal("process 1"); // of a container
        const containers = () => engine!.client("ps", "--all", "--format", "{{.Names}}").trim();
        expect(containers()).to.equal(`taskgate-${hostname.split(".")[0]}-app`);

        started.kill("SIGINT");
        await once(started, "exit");
        await until("the container is gone", () => containers() === "");
    });
});

describe("an image that nothing stands for", function () {
    this.timeout(600_000);

    it("is refused in the preview, with the ways out", async () => {
        const { startSystem } = await import("../../local/system");
        const system = await startSystem({ name: `image-${process.pid}` });
        try {
            const { code, stdout, stderr } = await taskgate(
                "--system",
                system.file.name,
                "preview",
                "-c",
                "taskgate:image=nginx:1.27",
            );
            expect(code).to.equal(1);
            expect(stdout + stderr)
                .to.include(
                    'container "app" has the image nginx:1.27, which the local system cannot run: it runs programs of this machine, no images.',
                )
                .and.include('"npm start -- --app <folder>"')
                .and.include("those that something stands for here: envoyproxy/envoy, traefik/whoami, node, ");
        } finally {
            await system.stop();
            rmSync(system.file.directory, { recursive: true, force: true });
        }
    });
});
