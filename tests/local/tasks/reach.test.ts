import { createServer, get } from "node:http";
import { get as getByHttps } from "node:https";

import {
    AuthorizeSecurityGroupIngressCommand,
    CreateSecurityGroupCommand,
    EC2Client,
    RevokeSecurityGroupIngressCommand,
} from "@aws-sdk/client-ec2";
import { expect } from "chai";

import { clientConfig } from "../../../local/machine/awsClients";
import { createReach } from "../../../local/tasks/reach";
import type { Reach, Sources } from "../../../local/tasks/reach";
import { accountId, type Emulator, startEmulator } from "../../support/emulator";
import { startLocalEcs } from "../../support/localEcs";
import type { LocalEcs } from "../../support/localEcs";
import { until } from "../../support/until";
import { addressOf, whoamiTask } from "../../support/whoamiTask";

const scope = { accountId, region: "eu-west-1" };

describe("who may connect, by the rules of security groups", () => {
    let emulator: Emulator;
    let ec2: EC2Client;
    let reach: Reach;
    const members = new Map<string, string[]>();

    before(async () => {
        emulator = await startEmulator({ overlays: [] });
        ec2 = new EC2Client(clientConfig(emulator.url, scope));
        reach = createReach({
            gatewayUrl: emulator.url,
            membersOf: (_, id) => members.get(id) ?? [],
            network: "127.9.0.0/16",
            log: (text) => expect.fail(text),
        });
    });
    after(() => emulator.stop());

    async function group(GroupName: string): Promise<string> {
        return (await ec2.send(new CreateSecurityGroupCommand({ GroupName, Description: "of a test" }))).GroupId!;
    }

    it("are members of a group, the VPC, a network, or everybody; each on its ports, until the rule goes", async () => {
        const [api, web] = [await group("api"), await group("web")];
        members.set(web, ["127.9.1.7/32", "127.9.1.8/32"]);
        const rule = (FromPort: number, peer: object): object => ({
            IpProtocol: "tcp",
            FromPort,
            ToPort: FromPort,
            ...peer,
        });
        const IpPermissions = [
            rule(8080, { UserIdGroupPairs: [{ GroupId: web }] }),
            rule(8081, { IpRanges: [{ CidrIp: "10.0.0.0/16" }] }),
            rule(8082, { IpRanges: [{ CidrIp: "203.0.113.0/24" }, { CidrIp: "172.217.0.0/16" }] }),
            rule(8083, { IpRanges: [{ CidrIp: "203.0.113.0/24" }, { CidrIp: "0.0.0.0/0" }] }),
        ];
        await ec2.send(new AuthorizeSecurityGroupIngressCommand({ GroupId: api, IpPermissions }));
        let told = 0;
        const end = reach.onChange(() => told++);
        await reach.refresh(scope);
        const of = (ids: string[]): Sources[] =>
            [8080, 8081, 8082, 8083, 8084].map((port) => reach.sourcesOf(scope, ids, port));
        expect(told).to.equal(1);
        expect(of([api])).to.deep.equal([
            ["127.9.1.7/32", "127.9.1.8/32"],
            ["127.9.0.0/16"],
            [], // nobody here is there
            "everybody",
            [],
        ]);
        expect(of([web])).to.deep.equal([[], [], [], [], []]);
        expect(of([])).to.deep.equal([[], [], [], [], []]);

        members.set(web, []);
        expect(of([api, web])[0]).to.deep.equal([]);
        const [, , , open] = IpPermissions;
        await ec2.send(new RevokeSecurityGroupIngressCommand({ GroupId: api, IpPermissions: [open] }));
        await reach.refresh(scope);
        expect(of([api])[3]).to.deep.equal([]);
        end();
        reach.changed();
        expect(told).to.equal(2);
    });
});

describe("a task that only some may connect to", () => {
    let local: LocalEcs;
    let sources: Sources = [];
    const listeners = new Set<() => void>();
    const reach: Reach = {
        sourcesOf: () => sources,
        refresh: () => Promise.resolve(),
        changed: () => listeners.forEach((listener) => listener()),
        onChange: (listener) => {
            listeners.add(listener);
            return () => listeners.delete(listener);
        },
    };
    const { asItIs, behindEnvoy } = whoamiTask();

    before(async () => {
        local = await startLocalEcs(undefined, {
            reach,
            names: () => ({ dnsPort: 9, trustedRootsFile: "/dev/null" }),
        });
    });
    after(() => local.stop());

    /** The status of the answer, or that a connection was made and then cut off, for somebody who connects from there. */
    function ask(url: string, localAddress: string): Promise<number | string | undefined> {
        return new Promise((resolve) => {
            const options = { rejectUnauthorized: false, agent: false, localAddress } as const;
            (url.startsWith("https:") ? getByHttps : get)(url, options)
                .once("response", (response) => resolve(response.resume().statusCode))
                .once("error", ({ code = "" }: NodeJS.ErrnoException) =>
                    resolve(["ECONNRESET", "EPIPE"].includes(code) ? "cut off" : code),
                );
        });
    }

    for (const [what, containers, url] of [
        ["the app itself", asItIs, (address: string) => `http://${address}:8080/`],
        ["Envoy", behindEnvoy, (address: string) => `https://${address}:8443/`],
    ] as const) {
        it(`answers these and cuts others off, by ${what}, and follows a change while it runs`, async () => {
            sources = ["127.250.250.1/32"];
            const taskArn = await local.run(...containers);
            const at = url(addressOf(await local.reaches(taskArn, "RUNNING")));
            await until("an answer", async () => (await ask(at, "127.250.250.1")) === 200);
            expect(await ask(at, "127.250.250.2")).to.equal("cut off");
            expect(await ask(at, "127.0.0.1")).to.equal("cut off");

            sources = ["127.250.250.0/24"];
            reach.changed();
            await until("an answer to another", async () => (await ask(at, "127.250.250.2")) === 200);
            sources = [];
            reach.changed();
            await until("no answer any more", async () => (await ask(at, "127.250.250.1")) === "cut off");
        });
    }

    it("listens before a rule lets anybody in, and is asked from within for its health", async () => {
        sources = [];
        local.openPorts.delete(8080);
        const taskArn = await local.run({
            name: "app",
            image: "node:24",
            command: [
                ...["node", "-e"],
                'require("node:http").createServer((_, response) => response.end()).listen(8080, process.env.HOST)',
            ],
            portMappings: [{ containerPort: 8080 }],
            healthCheck: {
                command: [
                    ...["CMD", "node", "-e"],
                    "fetch(`http://${process.env.HOST}:8080/`).then(() => process.exit(0), () => process.exit(1))",
                ],
                timeout: 60,
                interval: 60,
            },
            stopTimeout: 5,
        });
        const at = `http://${addressOf(await local.healthy(taskArn))}:8080/`;
        expect(await ask(at, "127.250.250.1")).to.equal("cut off");
        sources = ["127.250.250.1/32"];
        reach.changed();
        await until("an answer", async () => (await ask(at, "127.250.250.1")) === 200);
        local.openPorts.add(8080);
    });

    it("calls others from its own address", async () => {
        sources = ["127.250.250.1/32"];
        const server = createServer();
        const seen = new Promise<string | undefined>((resolve) => {
            server.on("request", (request, response) => {
                resolve(request.socket.remoteAddress);
                response.end(() => server.close());
            });
        });
        await new Promise<void>((listening) => server.listen(18080, "127.250.250.9", listening));
        const caller = await local.run({
            name: "app",
            image: "node:24",
            command: [
                ...["node", "-e"],
                "fetch(process.env.URL).then((r) => r.text()).then((text) => console.log(text), console.error)",
            ],
            environment: [{ name: "URL", value: "http://127.250.250.9:18080/" }],
        });
        expect(await seen).to.equal(addressOf(await local.describe(caller)));
    });
});
