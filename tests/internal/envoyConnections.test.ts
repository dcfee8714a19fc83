// How many connections the real Envoy takes with our bootstrap, and what becomes of one more.
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect } from "chai";
import { WebSocketServer } from "ws";

import { AccessLog, certificateVariables, envoyBootstrap, envoyLimits } from "../../components/internal/envoyBootstrap";
import { accepts, createProcesses, freePort, Processes } from "../../local/processes";
import { envoyBinary } from "../../local/tasks/images";
import { OpenConnection, openConnections, openHttp1, openHttp2, openWebSocket, Served } from "../support/connections";
import { until } from "../support/until";
import { selfSignedWildcard } from "../support/wildcard";

describe("Envoy at its limit of connections", () => {
    let directory: string;
    let processes: Processes;
    let app: Server;
    let webSockets: WebSocketServer;
    let served: Served;
    let connections: OpenConnection[] = [];

    before(async () => {
        directory = mkdtempSync(join(tmpdir(), "taskgate-test-"));
        processes = createProcesses(directory);
        app = createServer((_, response) => response.end("well"));
        webSockets = new WebSocketServer({ server: app }).on("connection", (socket) =>
            socket.on("message", (data) => socket.send(data)),
        );
        await new Promise<void>((resolve) => app.listen(0, "127.0.0.1", resolve));
        const { certificate, privateKey } = await selfSignedWildcard("example.test");
        const httpsPort = await freePort();
        served = { port: httpsPort, hostname: "app.example.test", ca: certificate };
        const { port: appPort } = app.address() as AddressInfo;
        const bootstrap = envoyBootstrap({ httpsPort, appPort, accessLog: AccessLog.Off });
        const { chain, key } = certificateVariables;
        await processes.start({
            name: "envoy",
            command: envoyBinary(join(__dirname, "../..")),
            args: [
                ...["--config-yaml", JSON.stringify(bootstrap).replaceAll('"0.0.0.0"', '"127.0.0.1"')],
                ...["--concurrency", "1", "--disable-hot-restart", "--log-level", "warning"],
            ],
            env: { [chain]: certificate, [key]: privateKey },
            ready: accepts(httpsPort),
        });
    });
    after(async () => {
        connections.forEach(({ close }) => close());
        await processes.stop();
        webSockets.close();
        app.close().closeAllConnections();
        rmSync(directory, { recursive: true });
    });

    const codeOf = (opening: Promise<OpenConnection>): Promise<string> =>
        opening.then(
            (connection) => (connection.close(), "served"),
            ({ code, message }: NodeJS.ErrnoException) => code ?? message,
        );

    it("serves a thousand, refuses one more at once, and takes another when one has gone", async () => {
        const others = envoyLimits.connections - 200;
        connections = await openConnections(served, [
            [others, openHttp1],
            [100, openHttp2],
            [100, openWebSocket],
        ]);
        expect(connections).to.have.length(1000);

        expect(await codeOf(openHttp1(served))).to.equal("ECONNRESET");
        await Promise.all(connections.map(({ ask }) => ask()));
        connections.pop()!.close();
        await until("another one is served", async () => (await codeOf(openHttp1(served))) === "served");
    });
});
