import { createServer } from "node:net";
import type { Server } from "node:net";

/** A part of the loopback network that one local system has to itself. */
export interface LoopbackBlock {
    /** N of 127.N.0.0/16. */
    readonly number: number;
    release(): Promise<void>;
}

/** Listening here is what claims a block; nothing ever answers. */
const claimPort = 4_565;

/** Claims the first free 127.N.0.0/16 block. The claim ends with the process, however that ends. */
export async function claimLoopbackBlock(): Promise<LoopbackBlock> {
    for (let number = 1; number <= 254; number++) {
        const server = await listen(`127.${number}.0.1`, claimPort);
        if (server) {
            return { number, release: () => new Promise((resolve) => server.close(() => resolve())) };
        }
    }
    throw new Error("All loopback blocks from 127.1.0.0/16 to 127.254.0.0/16 are taken: stop some local systems.");
}

/** The preferred port if nothing has it on all addresses of the machine, or else one that is free. */
export async function portInBlock(block: LoopbackBlock, preferred: number): Promise<number> {
    const host = `127.${block.number}.0.1`;
    const server = (await listen(host, preferred)) ?? (await listen(host, 0))!;
    const address = server.address();
    await new Promise((resolve) => server.close(resolve));
    return typeof address === "object" && address !== null ? address.port : preferred;
}

function listen(host: string, port: number): Promise<Server | undefined> {
    return new Promise((resolve, reject) => {
        const server = createServer((socket) => socket.destroy());
        server.once("error", (error: NodeJS.ErrnoException) => {
            if (error.code === "EADDRINUSE") {
                resolve(undefined);
            } else if (error.code === "EADDRNOTAVAIL") {
                reject(
                    new Error(
                        `${host} is no address of this machine: the local system needs Linux, which answers on all of 127.0.0.0/8.`,
                    ),
                );
            } else {
                reject(error);
            }
        });
        server.listen(port, host, () => resolve(server));
    });
}
