// Takes a container of the engine through its life: `node container.mjs <client> <name> <file made once it runs> <words of create>`.
// Its output is the container's, and its exit code; told to end, it tells the container. However it ends, the container is removed.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";

/** As Docker's own client has it for what the engine refused. */
const refused = 125;

const [client, name, started, ...words] = process.argv.slice(2);

/** Runs the client, and gives its exit code. Its errors are printed. */
async function ask(stdout, ...args) {
    const [code] = await once(spawn(client, args, { stdio: ["ignore", stdout, "inherit"] }), "exit");
    return code;
}

let wasTold = false;
process.on("SIGTERM", () => (wasTold = true));

// Reads until this process is gone, in a process group of its own: even SIGKILL leaves no container behind.
const guard = spawn("/bin/sh", ["-c", 'cat; "$0" kill "$1"; exec "$0" rm --force --volumes "$1"', client, name], {
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
});
await once(guard, "spawn");

async function live() {
    if ((await ask("ignore", "create", "--name", name, ...words)) !== 0) {
        return refused;
    }
    // The engine's own signal for it; who waits no longer kills this process, and the guard the container.
    const stop = () => void ask("ignore", "stop", "-t", "120", name);
    process.on("SIGTERM", stop);
    if (wasTold) {
        return 143;
    }
    if ((await ask("ignore", "start", name)) !== 0) {
        return refused;
    }
    if (wasTold) {
        stop();
    }
    writeFileSync(started, "");
    const waits = spawn(client, ["wait", name], { stdio: ["ignore", "pipe", "inherit"] });
    let code = "";
    waits.stdout.on("data", (text) => (code += text));
    await Promise.all([ask("inherit", "logs", "--follow", name), once(waits, "close")]);
    return code === "" ? refused : Number(code);
}

process.exitCode = await live();
guard.stdin.end();
await once(guard, "exit");
