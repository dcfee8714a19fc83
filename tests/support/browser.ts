// A real Chromium, from a package: what a person at a page sees and does.
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { createServer } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { dirname, join } from "node:path";

import { type Browser, chromium as playwright } from "playwright-core";

import { addressOf, type Visited } from "../../local/internet/visitor";

/** Headless, and without a word to anybody but the page it is shown; of the internet it sees what is behind `proxy`, where one is given. */
export async function startBrowser(proxy?: string): Promise<Browser> {
    const { default: chromium, inflate } = (await import("@sparticuz/chromium")) as {
        default: { executablePath(): Promise<string> };
        inflate: (file: string) => Promise<string>;
    };
    const executablePath = process.env.CHROME_PATH ?? (await chromium.executablePath());
    if (!existsSync(executablePath)) {
        throw new Error(`There is no browser at ${executablePath}: set CHROME_PATH to a Chrome or Chromium.`);
    }
    // What a machine may lack of the libraries that it needs is in its package, too.
    const lacks = spawnSync("ldd", [executablePath], { encoding: "utf8" }).stdout?.includes("not found");
    const libraries =
        lacks && (await inflate(join(dirname(require.resolve("@sparticuz/chromium")), "../bin/al2023.tar.br")));
    return playwright.launch({
        executablePath,
        ...(libraries && { env: { ...process.env, LD_LIBRARY_PATH: join(libraries, "lib") } }),
        args: ["--no-sandbox", "--disable-background-networking"],
        ...(proxy !== undefined && { proxy: { server: proxy } }),
    });
}

/** The local internet for a browser: a proxy on loopback that finds names by its DNS server, and what stands for port 443. */
export async function startInternet(system: Visited): Promise<{ readonly proxy: string; stop(): Promise<void> }> {
    const open = new Set<Socket>();
    const server = createServer().on("connect", ({ url = "" }, client: Socket, head: Buffer) => {
        const { hostname, port } = new URL(`https://${url}`);
        const end = (): void => void client.destroy();
        addressOf(system, hostname).then((host) => {
            const upstream = connect({ host, port: Number(port || system.httpsPort) }, () => {
                client.write("HTTP/1.1 200 Connection Established\r\n\r\n");
                upstream.write(head);
                upstream.pipe(client).pipe(upstream);
            });
            [client, upstream].forEach((socket) => {
                open.add(socket);
                socket.once("close", () => [client, upstream].forEach((one) => one.destroy()));
                socket.once("error", () => socket.destroy());
            });
        }, end);
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return {
        proxy: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
        async stop() {
            open.forEach((socket) => socket.destroy());
            await new Promise((resolve) => server.close(resolve));
        },
    };
}
