import { spawn, spawnSync } from "node:child_process";
import { createPrivateKey, X509Certificate } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { createServer as createSecureServer } from "node:https";
import { createServer as createTcpServer } from "node:net";
import type { AddressInfo, Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect } from "chai";

import { createTlsCertificate } from "../../../local/internet/authorities/tlsCertificate";
import { projectRoot } from "../../../local/machine/projectRoot";
import { script, startLocalEcs } from "../../support/localEcs";

interface Result {
    readonly code: number | null;
    readonly output: string;
    readonly errors: string;
}

const programs = join(projectRoot, "local", "tasks", "programs");
const standIn = (name: string): string[] => [process.execPath, join(programs, `${name}.mjs`)];
const isInstalled = (name: string, ...args: string[]): boolean => spawnSync(name, args).status === 0;

/** Runs it while this process goes on to serve. */
function run([program, ...words]: readonly string[], args: readonly string[], cwd: string): Promise<Result> {
    const child = spawn(program, [...words, ...args], { cwd, stdio: ["ignore", "pipe", "pipe"] });
    let [output, errors] = ["", ""];
    child.stdout.on("data", (data: Buffer) => (output += data.toString()));
    child.stderr.on("data", (data: Buffer) => (errors += data.toString()));
    return new Promise((resolve, reject) => {
        child.once("error", reject).once("close", (code) => resolve({ code, output, errors }));
    });
}

describe("what stands for curl", () => {
    const directory = mkdtempSync(join(tmpdir(), "taskgate-test-"));
    const servers: Server[] = [];
    const received: string[] = [];
    const ports = { http: 0, https: 0, cut: 0, raw: 0, none: 0 };

    async function listen(server: Server, where: { port: number; host: string } | string): Promise<number> {
        servers.push(server);
        await new Promise<void>((done) => server.listen(where, done));
        return typeof where === "string" ? 0 : (server.address() as AddressInfo).port;
    }

    before(async () => {
        const host = "127.0.0.1";
        const { certificate: cert, privateKey: key } = await createTlsCertificate("Test CA");
        const answer = createServer((request, response) => {
            if (request.url !== "/slow") {
                response.writeHead(request.url === "/missing" ? 404 : 200).end(`${request.method} ${request.url}`);
            }
        });
        const socketServer = createServer((request, response) => response.end(`${request.headers.host} by socket`));
        const raw = createTcpServer((socket) =>
            socket.once("data", (data) => {
                received.push(data.toString());
                socket.end("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
            }),
        );
        ports.http = await listen(answer, { port: 0, host });
        ports.https = await listen(
            createSecureServer({ cert, key }, (_, response) => response.end("secret")),
            { port: 0, host },
        );
        ports.cut = await listen(
            createTcpServer((socket) => socket.once("data", () => socket.resetAndDestroy())),
            { port: 0, host },
        );
        ports.raw = await listen(raw, { port: 0, host });
        await listen(socketServer, join(directory, "admin.sock"));
        const closed = createTcpServer();
        ports.none = await listen(closed, { port: 0, host });
        await new Promise((resolve) => closed.close(resolve));
    });
    after(() => {
        servers.forEach((server) => server.close());
        rmSync(directory, { recursive: true });
    });

    const cases: [string, () => string[], number, string][] = [
        [
            "prints what it gets",
            () => ["--silent", `http://127.0.0.1:${ports.http}/a?b=^c[.]d`, "-g"],
            0,
            "GET /a?b=^c[.]d",
        ],
        ["sends another method", () => ["-s", "-X", "POST", `http://127.0.0.1:${ports.http}/p`], 0, "POST /p"],
        [
            "speaks through a Unix socket",
            () => ["-s", "--unix-socket", "admin.sock", "http://envoy/x"],
            0,
            "envoy by socket",
        ],
        ["takes any status for an answer", () => ["-s", `http://127.0.0.1:${ports.http}/missing`], 0, "GET /missing"],
        ["fails of a bad status when told to", () => ["-sf", `http://127.0.0.1:${ports.http}/missing`], 22, ""],
        ["writes to a file", () => ["-s", "-o", "body", `http://127.0.0.1:${ports.http}/`], 0, ""],
        ["fails where it may not write", () => ["-s", "-o", "no/body", `http://127.0.0.1:${ports.http}/`], 23, ""],
        ["gives up in time", () => ["-s", "--max-time", "0.3", `http://127.0.0.1:${ports.http}/slow`], 28, ""],
        ["fails when nobody listens", () => ["-s", `http://127.0.0.1:${ports.none}/`], 7, ""],
        ["fails when there is no socket", () => ["-s", "--unix-socket", "none.sock", "http://envoy/"], 7, ""],
        ["fails when the connection is cut", () => ["-s", `http://127.0.0.1:${ports.cut}/`], 56, ""],
        ["trusts nobody", () => ["-s", `https://127.0.0.1:${ports.https}/`], 60, ""],
        ["trusts everybody when told to", () => ["-sk", `https://127.0.0.1:${ports.https}/`], 0, "secret"],
        ["fails of what is no TLS", () => ["-sk", `https://127.0.0.1:${ports.http}/`], 35, ""],
        ["wants a URL", () => ["-s"], 2, ""],
        ["knows no other option", () => ["--no-such-option", `http://127.0.0.1:${ports.http}/`], 2, ""],
    ];
    for (const [what, args, code, output] of cases) {
        it(`${what}, as curl does`, async () => {
            const tried = isInstalled("curl", "--version") ? [standIn("curl"), ["curl"]] : [standIn("curl")];
            for (const program of tried) {
                const result = await run(program, args(), directory);
                expect([result.code, result.output], `${program.at(-1)}: ${result.errors}`).to.deep.equal([
                    code,
                    output,
                ]);
            }
        });
    }

    it("names the option that it does not know, and the fault unless it is to be silent", async () => {
        const { errors } = await run(standIn("curl"), ["--location", "http://127.0.0.1/"], directory);
        const refused = await run(standIn("curl"), [`http://127.0.0.1:${ports.none}/`], directory);

        expect(errors).to.equal("curl: (2) Unknown option '--location'\n");
        expect(refused.errors).to.equal(`curl: (7) connect ECONNREFUSED 127.0.0.1:${ports.none}\n`);
    });

    it("finds S3 where it is told to, by the bucket's name, and no other name of AWS's", async () => {
        const s3 = [...standIn("curl"), `--s3-url=http://127.0.0.1:${ports.http}`];
        const found = await run(s3, ["-s", "https://a-bucket.s3.eu-west-1.amazonaws.com/"], directory);
        const others = ["https://sts.eu-west-1.amazonaws.com/", "https://x.api.aws/"];
        const refused = await Promise.all(others.map((url) => run(s3, ["-s", "--max-time", "2", url], directory)));
        const nowhere = await run(standIn("curl"), ["-s", "https://a-bucket.s3.eu-west-1.amazonaws.com/"], directory);

        expect(found.code).to.equal(0);
        expect(refused.map(({ code }) => code)).to.deep.equal([6, 6]);
        expect(nowhere.code).to.equal(6);
    });

    it("says first who connects, where the proxy protocol is spoken", async () => {
        await run(standIn("curl"), ["-s", "--haproxy-protocol", `http://127.0.0.1:${ports.raw}/`], directory);

        expect(received[0]).to.match(new RegExp(`^PROXY TCP4 127\\.0\\.0\\.1 127\\.0\\.0\\.1 \\d+ ${ports.raw}\r\n`));
    });
});

describe("what stands for openssl", () => {
    const directory = mkdtempSync(join(tmpdir(), "taskgate-test-"));
    after(() => rmSync(directory, { recursive: true }));
    const newCertificate = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
    const files = ["-keyout", "key.pem", "-out", "certificate.pem"];

    it("makes a P-256 key and a certificate signed with it, as openssl does", async () => {
        const tried = isInstalled("openssl", "version") ? [standIn("openssl"), ["openssl"]] : [standIn("openssl")];
        for (const program of tried) {
            const args = [...newCertificate, "-days", "30", "-subj", "/CN=taskgate", ...files];
            const { code } = await run(program, args, directory);
            const certificate = new X509Certificate(readFileSync(join(directory, "certificate.pem")));
            const key = createPrivateKey(readFileSync(join(directory, "key.pem")));
            const lifetime = Date.parse(certificate.validTo) - Date.parse(certificate.validFrom);

            expect(code).to.equal(0);
            expect(key.asymmetricKeyDetails).to.deep.equal({ namedCurve: "prime256v1" });
            expect(certificate.checkPrivateKey(key)).to.equal(true);
            expect(certificate.verify(certificate.publicKey)).to.equal(true);
            expect(certificate.subject).to.equal("CN=taskgate");
            expect(lifetime).to.equal(30 * 86_400_000);
        }
    });

    it("names what it does not know, and what is missing", async () => {
        const errorOf = async (...args: string[]) => {
            const { code, errors } = await run(standIn("openssl"), args, directory);
            return `${code} ${errors.trim()}`;
        };
        const whole = [...newCertificate, ...files, "-days", "30"];

        expect(await errorOf("s_client")).to.equal("1 openssl: Invalid command 's_client'; there is req alone");
        expect(await errorOf(...whole, "-subj", "/CN=a", "-sha512")).to.equal(
            "1 openssl: req: Unknown option: -sha512",
        );
        expect(await errorOf(...whole)).to.equal("1 openssl: req: -subj is needed");
        expect(await errorOf(...whole, "-subj", "/O=a")).to.equal("1 openssl: req: -subj is not /CN=<name>: /O=a");
        expect(await errorOf(...whole, "-subj", "/CN=a", "-newkey", "rsa:2048")).to.equal(
            "1 openssl: req: no key but -newkey ec -pkeyopt ec_paramgen_curve:P-256 can be made",
        );
    });
});

describe("the scripts of helper containers", () => {
    it("find them, whatever the machine has", async () => {
        const local = await startLocalEcs();
        const of = (name: string, image: string) => script(name, `command -v ${name}`, { image, essential: false });
        const taskArn = await local.run(
            of("curl", "public.ecr.aws/docker/library/buildpack-deps:trixie-curl"),
            of("openssl", "public.ecr.aws/docker/library/buildpack-deps:trixie-curl"),
            script("app", "sleep 0.01", {
                dependsOn: ["curl", "openssl"].map((containerName) => ({ containerName, condition: "SUCCESS" })),
            }),
        );
        await local.reaches(taskArn, "STOPPED");

        expect(local.log(taskArn, "curl")).to.match(/\/programs\/curl\/curl\n$/);
        expect(local.log(taskArn, "openssl")).to.match(/\/programs\/openssl\/openssl\n$/);
        await local.stop();
    });
});
