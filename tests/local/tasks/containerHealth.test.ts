import { createServer } from "node:http";
import { AddressInfo } from "node:net";

import { expect } from "chai";

import { watchHealth } from "../../../local/tasks/containerHealth";
import { standIn } from "../../../local/tasks/images/images";

describe("the health check of a container", () => {
    /** Its statuses, while a server answers so. */
    async function watched(status: number, command: readonly string[]): Promise<string[]> {
        const server = createServer((_, response) => void response.writeHead(status).end("body"));
        await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
        const statuses: string[] = [];
        const ended = new AbortController();
        const address = "127.0.0.1";
        await watchHealth({
            healthCheck: {
                command: [...command, `http://127.0.0.1:${(server.address() as AddressInfo).port}/`],
                ...{ interval: 0, retries: 2 },
            },
            translation: { address, loopback: address, ownLoopback: address, isOpen: () => true, mounts: {}, sharesLoopback: true }, // prettier-ignore
            programs: { curl: [process.execPath, standIn("curl")] },
            env: { PATH: "/nowhere" },
            cwd: "/",
            onStatus(given) {
                statuses.push(given);
                ended.abort();
            },
            signal: ended.signal,
        });
        server.close();
        return statuses;
    }

    it("by curl needs no process: a hundred tasks have ten a second", async () => {
        expect(await watched(200, ["CMD", "curl", "--fail", "--silent"])).to.deep.equal(["HEALTHY"]);
        expect(await watched(500, ["CMD", "curl", "--fail", "--silent"])).to.deep.equal(["UNHEALTHY"]);
    });

    it("by another program, or a shell, is a process", async () => {
        expect(await watched(200, ["CMD", "wget"])).to.deep.equal(["UNHEALTHY"]);
        expect(await watched(200, ["CMD", "/bin/true"])).to.deep.equal(["HEALTHY"]);
        expect(await watched(200, ["CMD-SHELL", "exit 0 #"])).to.deep.equal(["HEALTHY"]);
    });
});
