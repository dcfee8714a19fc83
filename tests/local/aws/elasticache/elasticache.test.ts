import { once } from "node:events";
import { connect } from "node:tls";

import { ElastiCache } from "@aws-sdk/client-elasticache";
import { IAM } from "@aws-sdk/client-iam";
import { expect } from "chai";
import { Redis } from "iovalkey";

import { firstCommand } from "../../../../local/aws/elasticache/resp";
import { readToken } from "../../../../local/aws/elasticache/token";
import { createPermissions } from "../../../../local/aws/permissions/permissions";
import { clientConfig } from "../../../../local/machine/awsClients";
import { startCaches, tokenFor } from "../../../support/caches";
import type { Caches } from "../../../support/caches";
import { accountId, startEmulator } from "../../../support/emulator";
import type { Emulator } from "../../../support/emulator";
import { until } from "../../../support/until";

const region = "eu-west-1";
const arn = (resource: string) => `arn:aws:elasticache:${region}:${accountId}:${resource}`;

describe("ElastiCache of the local system", () => {
    const permissions = createPermissions();
    let caches: Caches;
    let aws: Emulator;
    let elasticache: ElastiCache;
    let accessKeyId: string;
    let address: string;
    const clients: Redis[] = [];

    const errorOf = (call: Promise<unknown>): Promise<string> =>
        call.then(
            () => "none",
            ({ name, message }: Error) => `${name}: ${message}`,
        );

    before(async () => {
        caches = await startCaches(permissions);
        aws = await startEmulator({ overlays: [caches.overlay], permissions });
        const config = { ...clientConfig(aws.url, { accountId, region }), maxAttempts: 1 };
        elasticache = new ElastiCache(config);
        const iam = new IAM(config);
        const document = (Statement: object) => JSON.stringify({ Version: "2012-10-17", Statement });
        const { Role } = await iam.createRole({
            RoleName: "reader",
            AssumeRolePolicyDocument: document({
                ...{ Effect: "Allow", Principal: { Service: "ecs-tasks.amazonaws.com" }, Action: "sts:AssumeRole" },
            }),
        });
        await iam.putRolePolicy({
            ...{ RoleName: "reader", PolicyName: "own" },
            PolicyDocument: document({
                Effect: "Allow",
                Action: "elasticache:Connect",
                Resource: [arn("replicationgroup:core"), arn("user:reader")],
            }),
        });
        iam.destroy();
        accessKeyId = permissions.identities.keyOfRole(Role!.Arn!, "task");
        const iamUser = { Engine: "valkey", AuthenticationMode: { Type: "iam" as const } };
        const rights = {
            reader: "on ~core:* resetchannels &news +get +subscribe +ping",
            writer: "on ~core:* &* +@all",
        };
        for (const [UserId, AccessString] of Object.entries(rights)) {
            await elasticache.createUser({ ...iamUser, UserId, UserName: UserId, AccessString });
        }
        await elasticache.createUserGroup({ UserGroupId: "all", Engine: "valkey", UserIds: Object.keys(rights) });
        await elasticache.createReplicationGroup({
            ...{ ReplicationGroupId: "core", ReplicationGroupDescription: "core data", Engine: "valkey" },
            ...{ CacheNodeType: "cache.t4g.micro", NumCacheClusters: 2, AutomaticFailoverEnabled: true },
            ...{ TransitEncryptionEnabled: true, UserGroupIds: ["all"], SecurityGroupIds: ["sg-1"] },
        });
        const group = await until("the cache", async () => {
            const { ReplicationGroups } = await elasticache.describeReplicationGroups({ ReplicationGroupId: "core" });
            return ReplicationGroups![0].Status === "available" && ReplicationGroups![0];
        });
        expect(group.NodeGroups![0].NodeGroupMembers!.map(({ CurrentRole }) => CurrentRole)).to.deep.equal([
            ...["primary", "replica"],
        ]);
        address = group.NodeGroups![0].PrimaryEndpoint!.Address!;
    });
    after(async () => {
        clients.forEach((client) => client.disconnect());
        elasticache?.destroy();
        await caches?.stop();
        await aws?.stop();
    });

    /** As one user or the other: `reader` by its role, `writer` as the account. */
    async function client(user: "reader" | "writer", more: object = {}): Promise<Redis> {
        const password = await tokenFor("core", user, user === "reader" ? accessKeyId : accountId);
        const made = new Redis({
            ...{ host: address, port: 6379, username: user, password, tls: { ca: caches.ca } },
            ...{ enableReadyCheck: false, retryStrategy: () => 50, ...more },
        });
        made.on("error", () => undefined);
        clients.push(made);
        return made;
    }

    it("lets in over TLS, by a token of IAM, who may connect; each may do what its access string says", async () => {
        const [writer, reader] = [await client("writer"), await client("reader")];
        await writer.set("core:1", "one");
        expect(await reader.get("core:1")).to.equal("one");
        expect(await errorOf(reader.set("core:1", "two"))).to.match(/^ReplyError: NOPERM .*'set' command/);
        expect(await errorOf(reader.get("other"))).to.match(/^ReplyError: NOPERM No permissions to access a key/);
    });

    it("hands on what is published", async () => {
        const [writer, reader] = [await client("writer"), await client("reader")];
        await reader.subscribe("news");
        const heard = once(reader, "message");
        expect(await writer.publish("news", "hello")).to.equal(1);
        expect(await heard).to.deep.equal(["news", "hello"]);
    });

    /** What the cache says to who knows its address alone. */
    async function said(words: string): Promise<string> {
        const socket = connect({ host: address, port: 6379, ca: caches.ca });
        socket.write(words);
        const [answer] = (await once(socket, "data")) as [Buffer];
        socket.destroy();
        return answer.toString();
    }

    it("says nothing to who has no token that is good for it", async () => {
        expect(await said("*1\r\n$4\r\nPING\r\n")).to.equal("-NOAUTH Authentication required.\r\n");
        const wrong = {
            "of another cache": await tokenFor("other", "reader", accessKeyId),
            "of another user": await tokenFor("core", "writer", accessKeyId),
            "of another region": await tokenFor("core", "reader", accessKeyId, { region: "eu-west-2" }),
            "of an hour ago": await tokenFor("core", "reader", accessKeyId, {
                signingDate: new Date(Date.now() - 3_600_000),
            }),
            "of nobody": await tokenFor("core", "reader", "ASIANOBODY"),
            "no token": "secret",
        };
        for (const [what, token] of Object.entries(wrong)) {
            const auth = `*3\r\n$4\r\nAUTH\r\n$6\r\nreader\r\n$${token.length}\r\n${token}\r\n`;
            expect(await said(auth), what).to.equal(
                "-WRONGPASS invalid username-password pair or user is disabled.\r\n",
            );
        }
        // IAM knows this one, as a user whom no policy lets it be.
        const asWriter = await tokenFor("core", "writer", accessKeyId);
        expect(await said(`*3\r\n$4\r\nAUTH\r\n$6\r\nwriter\r\n$${asWriter.length}\r\n${asWriter}\r\n`)).to.match(
            /^-WRONGPASS/,
        );
        expect(await said("GET / HTTP/1.1\r\n\r\n")).to.match(/^-ERR Protocol error/);
    });

    it("is closed where no security group opens it", async () => {
        caches.isOpen = false;
        const socket = connect({ host: address, port: 6379, ca: caches.ca });
        socket.on("error", () => undefined).write("*1\r\n$4\r\nPING\r\n");
        await once(socket, "close");
        caches.isOpen = true;
        expect(await said("*1\r\n$4\r\nPING\r\n")).to.match(/^-NOAUTH/);
    });

    it("goes on with its copy when its first node is killed, and has a copy again", async () => {
        const writer = await client("writer", { maxRetriesPerRequest: null });
        await writer.set("core:kept", "kept");
        expect(await writer.wait(1, 0)).to.equal(1); // the copy has it
        for (const node of ["cache/core-001", "cache/core-002"]) {
            const closed = once(writer, "close");
            expect(caches.processes.signal(node, "SIGKILL")).to.equal(true);
            await closed;
            expect(await writer.get("core:kept")).to.equal("kept");
            await until("a copy", async () =>
                /connected_slaves:1\r\nslave0:.*state=online/.test(await writer.info("replication")),
            );
        }
    });

    it("keeps a security group in use, and tells what it does not follow", async () => {
        expect([caches.uses("sg-1"), caches.uses("sg-2")]).to.deep.equal([true, false]);
        expect(
            await errorOf(
                elasticache.createUser({
                    ...{
                        UserId: "p",
                        UserName: "p",
                        Engine: "valkey",
                        AccessString: "on",
                        Passwords: ["0123456789abcdef"],
                    },
                }),
            ),
        ).to.equal("InvalidParameterValueException: The local ElastiCache knows users who authenticate by IAM alone.");
        expect(await errorOf(elasticache.describeUsers({ UserId: "none" }))).to.match(/^UserNotFound/);
        expect(
            await errorOf(
                elasticache.createReplicationGroup({
                    ...{ ReplicationGroupId: "open", ReplicationGroupDescription: "x", Engine: "valkey" },
                }),
            ),
        ).to.match(/^InvalidParameterCombination/);
    });
});

describe("the first command of a connection", () => {
    const text = "*2\r\n$4\r\nAUTH\r\n$5\r\na\r\nbc\r\nrest";
    it("is read however it comes in pieces", () => {
        for (let length = 0; length < text.length - 4; length++) {
            expect(firstCommand(Buffer.from(text.slice(0, length))), String(length)).to.equal(undefined);
        }
        expect(firstCommand(Buffer.from(text))).to.deep.equal({
            words: ["AUTH", "a\r\nbc"],
            rest: Buffer.from("rest"),
        });
    });
    it("is refused when it is none", () => {
        for (const wrong of ["GET / HTTP/1.1\r\n", "*1\r\n:4\r\n", "*99999999999999999999"]) {
            expect(() => firstCommand(Buffer.from(wrong)), wrong).to.throw("Protocol error");
        }
    });
});

describe("a token", () => {
    it("lasts a quarter of an hour", async () => {
        const token = await tokenFor("core", "u", "AKIA", { signingDate: new Date(1_000_000) });
        expect(readToken(token, "core", "u", 1_000_000 + 899_999)).to.deep.equal({ accessKeyId: "AKIA", region });
        expect(readToken(token, "core", "u", 1_000_000 + 900_000)).to.equal(undefined);
        expect(readToken(token.replace("X-Amz-Expires=900", "X-Amz-Expires=901"), "core", "u", 0)).to.equal(undefined);
    });
});
