import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

import { until } from "./until";

export interface ContainerEngine {
    /** Of Node.js, with the program. */
    readonly image: string;
    /** What the client says. */
    client(...words: readonly string[]): string;
    stop(): Promise<void>;
}

/**
 * Starts a Podman of its own, which Docker's client is then led to by DOCKER_HOST: this machine's own engine, if it has one, is left
 * alone. undefined: this machine has no Podman, no Docker client, or may not start containers.
 */
export async function startContainerEngine(program: string): Promise<ContainerEngine | undefined> {
    const directory = mkdtempSync(join(tmpdir(), "taskgate-engine-"));
    const socket = join(directory, "podman.sock");
    const settings = join(directory, "containers.conf");
    // A machine that is a sandbox itself may give neither limits nor control groups.
    writeFileSync(
        settings,
        '[containers]\ndefault_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]\ncgroups = "disabled"\n' +
            '[engine]\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\n',
    );
    const folders = ["root", "runroot", "tmpdir"].map((name) => `--${name}=${join(directory, name)}`);
    // In mounts of its own: crun does not start where both kinds of control groups are mounted.
    const service = spawn(
        "unshare",
        [
            "--mount",
            "sh",
            "-c",
            'umount /sys/fs/cgroup/unified 2>/dev/null; exec podman "$@"',
            "podman",
            ...folders,
        ].concat("system", "service", "--time=0", `unix://${socket}`),
        { env: { ...process.env, CONTAINERS_CONF: settings }, stdio: "ignore", detached: true },
    );
    let hasEnded = false;
    service.once("error", () => (hasEnded = true)).once("exit", () => (hasEnded = true));
    const before = process.env.DOCKER_HOST;
    process.env.DOCKER_HOST = `unix://${socket}`;

    const engine: ContainerEngine = {
        image: "localhost/taskgate-test:1",
        client: (...words) => execFileSync("docker", words, { encoding: "utf8" }),
        async stop() {
            if (!hasEnded) {
                const containers = engine.client("ps", "--all", "--quiet").split("\n").filter(Boolean);
                if (containers.length > 0) {
                    engine.client("rm", "--force", ...containers);
                }
                const ended = once(service, "exit");
                process.kill(-service.pid!, "SIGTERM");
                await ended;
            }
            endMonitors(directory);
            process.env.DOCKER_HOST = before;
            if (before === undefined) {
                delete process.env.DOCKER_HOST;
            }
            rmSync(directory, { recursive: true, force: true });
        },
    };
    /** An image with the Node.js that runs this; nothing is pulled. */
    const makeImage = () => {
        const files = join(directory, "files");
        const libraries = execFileSync("ldd", [process.execPath], { encoding: "utf8" }).match(/\/\S+/g) ?? [];
        for (const file of libraries) {
            mkdirSync(dirname(join(files, file)), { recursive: true });
            copyFileSync(file, join(files, file));
        }
        copyFileSync(process.execPath, join(files, "node"));
        writeFileSync(join(files, "program.mjs"), program);
        const start = '--change=CMD ["/node", "/program.mjs"]';
        execFileSync(
            "sh",
            ["-c", 'tar --create --directory="$0" . | docker import "$1" - "$2"', files, start, engine.image],
            {
                stdio: "ignore",
            },
        );
        rmSync(files, { recursive: true });
    };
    const canRun = () => {
        makeImage();
        return spawnSync("docker", ["run", "--rm", engine.image, "/node", "--version"]).status === 0;
    };
    const answers = () => spawnSync("docker", ["ps", "--quiet"]).status === 0;
    await until("the engine answers, or has ended", () => hasEnded || answers());
    if (hasEnded || !answers() || !canRun()) {
        await engine.stop();
        return undefined;
    }
    return engine;
}

/** Podman's monitor of a container that was killed while it was being stopped goes on without it. */
function endMonitors(directory: string): void {
    for (const entry of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
        try {
            if (readFileSync(`/proc/${entry}/cmdline`, "utf8").includes(`${directory}/`)) {
                process.kill(Number(entry), "SIGKILL");
            }
        } catch {
            // it has gone
        }
    }
}
