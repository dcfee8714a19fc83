// A task whose certificate is renewed while it runs: what ECS would run, with the real Envoy, under load.
import { createDecipheriv, X509Certificate } from "node:crypto";
import { createServer, Server } from "node:http";
import * as http2 from "node:http2";
import { request } from "node:https";
import type { AddressInfo } from "node:net";
import { connect, ConnectionOptions } from "node:tls";

import { ContainerDefinition } from "@aws-sdk/client-ecs";
import { expect } from "chai";
import { WebSocket } from "ws";

import { AccessLog } from "../../components/internal/envoy/accessLog";
import { sidecarHealthPath } from "../../components/internal/envoy/front";
import { envoyImage } from "../../components/internal/envoy/envoyVersion";
import { traefikContainers } from "../../components/internal/loadBalancing/traefik";
import { containerDefinitions, EnvoySidecar } from "../../components/internal/task/containers";
import { createKeyPassword, seal, sealForTraefik } from "../../handlers/certificate/sealed";
import { LocalEcs, startLocalEcs } from "../support/localEcs";
import { helperImage, whoami } from "../support/sidecar";
import { until } from "../support/until";
import { Pem, rsa, selfSignedWildcard } from "../support/wildcard";

const port = 8443;
const secretArn = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:certificate-AbCdEf";

const rsaSecretArn = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:rsa-AbCdE1";

function containers(
    sealedCertificateUrl: string | undefined,
    ofRsa?: Pick<EnvoySidecar, "rsaCertificateSecretArn" | "rsaSealedCertificateUrl">,
): ContainerDefinition[] {
    const definitions = containerDefinitions({
        app: whoami,
        envoy: {
            image: envoyImage,
            helperImage,
            bootstrap: { httpsPort: port, taskCpu: 256, healthCheckPath: "/health", accessLog: AccessLog.Off },
            certificateSecretArn: secretArn,
            sealedCertificateUrl,
            ...ofRsa,
            drainSeconds: 5,
        },
        logGroupName: "logs",
        region: "eu-west-1",
    });
    // Looks each second, instead of once a minute.
    return JSON.parse(
        JSON.stringify(definitions).replace(/("POLL_SECONDS","value":")\d+/, "$11"),
    ) as ContainerDefinition[];
}

describe("a certificate that is renewed while its tasks run", () => {
    let local: LocalEcs;
    let publisher: Server;
    let published: { status: number; text: string };
    let asked = 0;
    let host: string;
    let taskArn: string;
    let pems: Pem[];
    const keyPassword = createKeyPassword();

    const publish = (pem: Pem, password = keyPassword): void => {
        const certificate = { certificateChain: pem.certificate, privateKey: pem.privateKey };
        published = { status: 200, text: seal(certificate, password) };
    };
    const served = () => servedAt(host);
    const serves = (pem: Pem): Promise<unknown> =>
        until("a new handshake shows it", async () => (await served()) === serialOf(pem));
    /** The task has looked at what is published since now, and once more. */
    const looked = async (): Promise<void> => {
        const before = asked;
        await until("the task has looked", () => asked > before + 1);
    };

    before(async () => {
        pems = await Promise.all([1, 2, 3].map(() => selfSignedWildcard("tasks.example.com")));
        published = { status: 404, text: "" };
        publisher = createServer((_, response) => {
            asked++;
            response.writeHead(published.status).end(published.text);
        });
        await new Promise<void>((resolve) => publisher.listen(0, "127.0.0.2", resolve));
        local = await startLocalEcs();
        local.secrets.set(`${secretArn}:certificateChain::`, pems[0].certificate);
        local.secrets.set(`${secretArn}:privateKey::`, pems[0].privateKey);
        local.secrets.set(`${secretArn}:keyPassword::`, keyPassword);
        const { port: publishedAt } = publisher.address() as AddressInfo;
        taskArn = await local.run(...containers(`http://127.0.0.2:${publishedAt}/certificate.json`));
        const task = await local.healthy(taskArn);
        host = task.containers![0].networkInterfaces![0].privateIpv4Address!;
        await until("Envoy found the app healthy", async () => (await get(host, sidecarHealthPath)) === 200);
    });
    after(async () => {
        await local.stop();
        publisher.closeAllConnections();
        publisher.close();
    });

    it("serves what it was started with while there is nothing else", async () => {
        await looked();
        expect(await served()).to.equal(serialOf(pems[0]));
    });

    it("is taken up without a request, a stream or a WebSocket that fails, by new handshakes alone", () =>
        takenUpUnderLoad(host, pems, async (pem) => {
            publish(pem);
            await serves(pem);
        }));

    it("is kept while what is published cannot be had, is cut off, or is sealed for others", async () => {
        const good = published.text;
        for (const wrong of [
            { status: 403, text: "<Error><Code>AccessDenied</Code></Error>" },
            { status: 200, text: good.slice(0, 500) },
            { status: 200, text: "" },
        ]) {
            published = wrong;
            await looked();
            expect(await served()).to.equal(serialOf(pems[1]));
        }
        publish(pems[2], createKeyPassword());
        await looked();
        expect(await served()).to.equal(serialOf(pems[1]));
        expect(await get(host, "/")).to.equal(200);
        publish(pems[2]);
        await serves(pems[2]);
    });

    it("tells its key to nobody but Envoy", () => {
        const definitions = containers("https://example.com/certificate.json");
        const secretsOf = (name: string): unknown =>
            definitions.find((container) => container.name === name)?.secrets?.map((secret) => secret.name) ?? [];
        expect(["app", "init", "lifecycle"].map(secretsOf)).to.deep.equal([[], [], []]);
        expect(secretsOf("envoy")).to.deep.equal(["TLS_CERTIFICATE_CHAIN", "TLS_PRIVATE_KEY", "TLS_KEY_PASSWORD"]);
        expect(definitions.find(({ name }) => name === "app")).to.not.have.property("mountPoints");
        const logs = ["app", "init", "envoy", "lifecycle"].map((name) => local.log(taskArn, name)).join("\n");
        const lines = pems.flatMap(({ privateKey }) => privateKey.split("\n").filter((line) => line.length > 40));
        [keyPassword, ...lines].forEach((secret) => {
            expect(logs).to.not.include(secret);
            expect(published.text).to.not.include(secret);
        });
        expect(logs.match(/took up another certificate/g)).to.have.length.at.least(4);
    });
});

describe("a task with an RSA certificate beside an ECDSA one", () => {
    const passwords = { ecdsa: createKeyPassword(), rsa: createKeyPassword() };
    const published: Record<string, string> = {};
    let local: LocalEcs;
    let publisher: Server;
    let urlOf: (file: string) => string;
    let pems: { ecdsa: Pem; rsa: Pem; newEcdsa: Pem; newRsa: Pem };

    const of = ({ certificate, privateKey }: Pem) => ({ certificateChain: certificate, privateKey });
    /** Serials that clients see: one that knows all algorithms, one without ECDSA, and that with TLS 1.2. */
    const seen = async (host: string): Promise<string[]> => {
        const old = { sigalgs: "rsa_pss_rsae_sha256:rsa_pkcs1_sha256" };
        const clients: ConnectionOptions[] = [{}, old, { ...old, maxVersion: "TLSv1.2" }];
        return Promise.all(
            clients.map(
                (options) =>
                    new Promise<string>((resolve, reject) => {
                        const socket = connect({ host, port, rejectUnauthorized: false, ...options }, () => {
                            resolve(socket.getPeerX509Certificate()!.serialNumber);
                            socket.destroy();
                        }).once("error", reject);
                    }),
            ),
        );
    };
    const serials = (ecdsaOne: Pem, rsaOne: Pem): string[] =>
        [ecdsaOne, rsaOne, rsaOne].map(({ certificate }) => new X509Certificate(certificate).serialNumber);
    const running = async (definitions: ContainerDefinition[]): Promise<{ taskArn: string; host: string }> => {
        const taskArn = await local.run(...definitions);
        const { containers: [{ networkInterfaces }] = [] } = await local.healthy(taskArn);
        const host = networkInterfaces![0].privateIpv4Address!;
        await until("Envoy found the app healthy", async () => (await get(host, sidecarHealthPath)) === 200);
        return { taskArn, host };
    };

    before(async () => {
        const fresh = (algorithm?: typeof rsa) => selfSignedWildcard("tasks.example.com", undefined, algorithm);
        const [ecdsaOne, newEcdsa] = [await fresh(), await fresh()];
        pems = { ecdsa: ecdsaOne, newEcdsa, rsa: await fresh(rsa), newRsa: await fresh(rsa) };
        publisher = createServer(({ url = "" }, response) => {
            const text = published[url];
            response.writeHead(text === undefined ? 404 : 200).end(text);
        });
        await new Promise<void>((resolve) => publisher.listen(0, "127.0.0.2", resolve));
        urlOf = (file) => `http://127.0.0.2:${(publisher.address() as AddressInfo).port}${file}`;
        local = await startLocalEcs();
        for (const [arn, pem, password] of [
            [secretArn, pems.ecdsa, passwords.ecdsa],
            [rsaSecretArn, pems.rsa, passwords.rsa],
        ] as const) {
            local.secrets.set(`${arn}:certificateChain::`, pem.certificate);
            local.secrets.set(`${arn}:privateKey::`, pem.privateKey);
            local.secrets.set(`${arn}:keyPassword::`, password);
        }
    });
    after(async () => {
        await local.stop();
        publisher.closeAllConnections();
        publisher.close();
    });

    it("shows each client the one that it understands", async () => {
        const { host } = await running(containers(undefined, { rsaCertificateSecretArn: rsaSecretArn }));
        expect(await seen(host)).to.deep.equal(serials(pems.ecdsa, pems.rsa));
    });

    it("takes up each by itself where the rotation is hot, under a password of its own", async () => {
        const { host, taskArn } = await running(
            containers(urlOf("/ecdsa.json"), {
                rsaCertificateSecretArn: rsaSecretArn,
                rsaSealedCertificateUrl: urlOf("/rsa.json"),
            }),
        );
        expect(await seen(host)).to.deep.equal(serials(pems.ecdsa, pems.rsa));
        published["/rsa.json"] = seal(of(pems.newRsa), passwords.rsa);
        const shows = (...both: [Pem, Pem]) =>
            until("it is shown", async () => (await seen(host)).join() === serials(...both).join());
        await shows(pems.ecdsa, pems.newRsa);
        published["/ecdsa.json"] = seal(of(pems.newEcdsa), passwords.ecdsa);
        await shows(pems.newEcdsa, pems.newRsa);
        const logs = ["app", "init", "envoy", "lifecycle"].map((name) => local.log(taskArn, name)).join("\n");
        const keys = Object.values(pems).flatMap(({ privateKey }) =>
            privateKey.split("\n").filter((line) => line.length > 40),
        );
        [...keys, ...Object.values(passwords)].forEach((secret) => expect(logs).to.not.include(secret));
    });
});

describe("a Traefik whose certificate is renewed while it runs", () => {
    const keyPassword = createKeyPassword();
    let local: LocalEcs;
    let publisher: Server;
    let published: { status: number; text: string };
    let looks: string[] = [];
    let definitions: ContainerDefinition[];
    let taskArn: string;
    let host: string;
    let pems: Pem[];

    const publish = ({ certificate, privateKey }: Pem, password = keyPassword): void => {
        published = { status: 200, text: sealForTraefik({ certificateChain: certificate, privateKey }, password) };
    };
    const served = () => servedAt(host);
    const serves = (pem: Pem): Promise<unknown> =>
        until("a new handshake shows it", async () => (await served()) === serialOf(pem));
    const linesOf = (container: string, text: string): number => local.log(taskArn, container).split(text).length - 1;
    const another = async (container: string, text: string, step: () => void): Promise<void> => {
        const before = linesOf(container, text);
        step();
        await until(`another "${text}"`, () => linesOf(container, text) > before);
    };

    before(async () => {
        pems = await Promise.all([1, 2, 3].map(() => selfSignedWildcard("tasks.example.com")));
        published = { status: 404, text: "" };
        publisher = createServer(({ url = "" }, response) => {
            looks.push(url);
            response.writeHead(published.status).end(published.text);
        });
        await new Promise<void>((resolve) => publisher.listen(0, "127.0.0.2", resolve));
        local = await startLocalEcs();
        local.secrets.set(`${secretArn}:certificateChain::`, pems[0].certificate);
        local.secrets.set(`${secretArn}:privateKey::`, pems[0].privateKey);
        local.secrets.set(`${secretArn}:keyPassword::`, keyPassword);
        const gateway = traefikContainers({
            ...{ image: "public.ecr.aws/docker/library/traefik:v3.7.15", gateway: "edge", clusterArn: "cluster" },
            ...{ certificateSecretArn: secretArn, publicHttpsPort: 443, drainSeconds: 1 },
            ...{ logGroupName: "logs", region: "eu-west-1" },
            hot: {
                sealedCertificateUrl: `http://127.0.0.2:${(publisher.address() as AddressInfo).port}/certificate.json`,
                helperImage,
            },
        });
        // Looks each second, instead of once a minute. What Traefik would learn from ECS is in a file.
        const [init, traefik, follow] = JSON.parse(
            JSON.stringify(gateway).replace(/("POLL_SECONDS","value":")\d+/, "$11"),
        ) as ContainerDefinition[];
        const routes = {
            routers: { app: { rule: "PathPrefix(`/`)", entryPoints: ["websecure"], service: "app" } },
            services: { app: { loadBalancer: { servers: [{ url: "http://127.0.0.1:8081" }] } } },
        };
        definitions = [
            {
                ...init,
                command: [`${init.command![0]}\nprintf %s "$ROUTES" > /etc/traefik/dynamic/routes.yaml`],
                environment: [...init.environment!, { name: "ROUTES", value: `http: ${JSON.stringify(routes)}` }],
            },
            { ...traefik, command: traefik.command!.filter((word) => !word.startsWith("--providers.ecs.")) },
            follow,
            { name: "app", image: whoami.image, command: ["--port", "8081"], essential: true },
        ];
        taskArn = await local.run(...definitions);
        const task = await local.healthy(taskArn);
        host = task.containers![0].networkInterfaces![0].privateIpv4Address!;
        await until("Traefik reaches the app", async () => (await get(host, "/").catch(() => 0)) === 200);
    });
    after(async () => {
        await local.stop();
        publisher.closeAllConnections();
        publisher.close();
    });

    it("serves what it was started with, and looks beside Envoy's copy, while there is nothing else", async () => {
        await until("it has looked", () => looks.length > 1);
        expect(new Set(looks)).to.deep.equal(new Set(["/certificate.txt"]));
        expect(await served()).to.equal(serialOf(pems[0]));
    });

    it("takes it up without a request, a stream or a WebSocket that fails, in new handshakes alone", () =>
        takenUpUnderLoad(host, pems, async (pem) => {
            publish(pem);
            await serves(pem);
        }));

    it("keeps it while what is published cannot be had, is cut off, is a template, or is sealed for others", async () => {
        const { text } = published;
        published = { status: 403, text: "<Error><Code>AccessDenied</Code></Error>" };
        looks = [];
        await until("it has looked twice", () => looks.length > 1);
        const refused = "is no sealed certificate";
        for (const wrong of [
            text.slice(0, -40),
            text.slice(0, 100),
            text.replace(/\n/, '\n{{ env "TLS_PRIVATE_KEY" }}\n'),
            text.slice(text.indexOf("\n") + 1),
            "",
        ]) {
            await another("follow", refused, () => (published = { status: 200, text: wrong }));
        }
        // Traefik takes the last byte of what it opens for a length: what is too long ends inside decryptAES, anything else is no key.
        for (const [isTooLong, reason] of [
            [false, "the password of this task does not open the key"],
            [true, "error calling decryptAES"],
        ] as const) {
            await another("traefik", reason, () => {
                do {
                    publish(pems[2], createKeyPassword());
                } while (opensTooLong(published.text, keyPassword) !== isTooLong);
            });
        }
        expect(await served()).to.equal(serialOf(pems[1]));
        expect(await get(host, "/")).to.equal(200);
        publish(pems[2]);
        await serves(pems[2]);
    });

    it("has its key and password in no other container, no volume and no log", () => {
        const [init, traefik, follow] = definitions;
        expect([init.secrets, follow.secrets]).to.deep.equal([undefined, undefined]);
        expect(traefik.secrets!.map(({ name }) => name)).to.deep.equal([
            "TLS_CERTIFICATE_CHAIN",
            "TLS_PRIVATE_KEY",
            "TLS_KEY_PASSWORD",
        ]);
        expect(traefik.mountPoints!.map(({ readOnly }) => readOnly)).to.deep.equal([true]);
        const logs = ["init", "traefik", "follow"].map((name) => local.log(taskArn, name)).join("\n");
        const lines = pems.flatMap(({ privateKey }) => privateKey.split("\n").filter((line) => line.length > 40));
        [keyPassword, ...lines].forEach((secret) => {
            expect(logs).to.not.include(secret);
            expect(published.text).to.not.include(secret);
        });
    });
});

/** Whether what a password makes of a sealed key says that it is padded by more than it has. */
function opensTooLong(text: string, password: string): boolean {
    const sealed = Buffer.from(text.slice(0, text.indexOf("\n")), "base64");
    const decipher = createDecipheriv("aes-256-cbc", password.slice(0, 32), sealed.subarray(0, 16));
    const opened = decipher.setAutoPadding(false).update(sealed.subarray(16));
    return opened[opened.length - 1] > opened.length;
}

const serialOf = ({ certificate }: Pem): string => new X509Certificate(certificate).serialNumber;

/** Three renewals while clients of all kinds are served: none of them notices, but for new handshakes, which show each certificate. */
async function takenUpUnderLoad(
    host: string,
    pems: readonly Pem[],
    takesUp: (pem: Pem) => Promise<unknown>,
): Promise<void> {
    const load = await startLoad(host);
    for (const pem of [pems[1], pems[2], pems[1]]) {
        await takesUp(pem);
        const before = load.counts();
        await until("all kinds of load went on", () => load.counts().every((count, kind) => count > before[kind] + 5));
    }
    const { failures, serials } = await load.stop();
    expect(failures).to.deep.equal([]);
    // The connections that were there go on as they were.
    expect(serials).to.deep.equal([serialOf(pems[0]), serialOf(pems[0])]);
    expect(new Set(load.served)).to.deep.equal(new Set(pems.map(serialOf)));
}

/** The serial number of the certificate that a new handshake shows. */
function servedAt(host: string): Promise<string> {
    return new Promise((resolve, reject) => {
        const socket = connect({ host, port, rejectUnauthorized: false, servername: "a.tasks.example.com" }, () => {
            resolve(socket.getPeerX509Certificate()!.serialNumber);
            socket.destroy();
        }).once("error", reject);
    });
}

function get(host: string, path: string): Promise<number | undefined> {
    return new Promise((resolve, reject) => {
        const sent = request({ host, port, path, rejectUnauthorized: false, agent: false }, (response) => {
            response
                .resume()
                .once("end", () => resolve(response.statusCode))
                .once("error", reject);
        });
        sent.once("error", reject).end();
    });
}

interface Load {
    /** Requests on connections of their own, streams of one HTTP/2 connection, messages of one WebSocket. */
    counts(): number[];
    /** Serials that the connections of single requests showed. */
    readonly served: string[];
    stop(): Promise<{ failures: string[]; serials: string[] }>;
}

/** Goes on until it is stopped; what fails does not stop it. */
async function startLoad(host: string): Promise<Load> {
    const failures: string[] = [];
    const served: string[] = [];
    const counts = [0, 0, 0];
    let isOver = false;
    const serialNumber = (socket: unknown): string =>
        (socket as { getPeerCertificate(): { serialNumber: string } }).getPeerCertificate().serialNumber;

    const singleRequest = (): Promise<void> =>
        new Promise((resolve, reject) => {
            const sent = request({ host, port, path: "/", rejectUnauthorized: false, agent: false }, (response) => {
                served.push(serialNumber(response.socket));
                if (response.statusCode !== 200) {
                    reject(new Error(`status ${response.statusCode}`));
                }
                response
                    .resume()
                    .once("end", () => resolve())
                    .once("error", reject);
            });
            sent.once("error", reject).end();
        });

    const session = http2.connect(`https://${host}:${port}`, { rejectUnauthorized: false });
    session.on("error", (error: Error) => failures.push(`HTTP/2 connection: ${error.message}`));
    session.on("goaway", () => failures.push("HTTP/2 connection: GOAWAY"));
    const stream = (): Promise<void> =>
        new Promise((resolve, reject) => {
            const sent = session.request({ ":path": "/?wait=50ms" });
            sent.once(
                "response",
                (headers) => headers[":status"] !== 200 && reject(new Error(`${headers[":status"]}`)),
            );
            sent.once("error", reject).once("end", resolve).resume();
        });

    const socket = new WebSocket(`wss://${host}:${port}/echo`, { rejectUnauthorized: false });
    await new Promise((resolve, reject) => socket.once("open", resolve).once("error", reject));
    socket.once("close", () => !isOver && failures.push("WebSocket: closed"));
    const message = (): Promise<void> =>
        new Promise((resolve, reject) => {
            const text = `message ${counts[2]}`;
            socket.once("message", (data: Buffer) =>
                data.toString() === text ? resolve() : reject(new Error(`echoed ${data.toString()}`)),
            );
            socket.send(text);
        });

    const loops = [singleRequest, stream, message].map(async (one, kind) => {
        while (!isOver) {
            await one().then(
                () => void counts[kind]++,
                (error: Error) => failures.push(`${one.name}: ${error.message}`),
            );
            await new Promise((resolve) => setTimeout(resolve, 10));
        }
    });
    return {
        counts: () => [...counts],
        served,
        async stop() {
            isOver = true;
            await Promise.all(loops);
            const serials = [serialNumber(session.socket), serialNumber((socket as unknown as { _socket: unknown })._socket)]; // prettier-ignore
            session.close();
            socket.close();
            return { failures, serials };
        },
    };
}
