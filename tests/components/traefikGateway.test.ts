import { ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { get } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "node:tls";

import { expect } from "chai";

import { TraefikGateway, TraefikGatewayArgs, traefikLabels, TraefikRoute } from "../../components";
import { traefikDynamicFile, traefikFlags } from "../../components/internal/loadBalancing/traefik";
import { freePort } from "../../local/machine/processes";
import { projectRoot } from "../../local/machine/projectRoot";
import { keepsHouseRules, recordOne, refusalOf, tags } from "../support/houseRules";
import { until } from "../support/until";
import { selfSignedWildcard } from "../support/wildcard";

const clusterArn = "arn:aws:ecs:eu-west-1:111122223333:cluster/web";
const certificateSecretArn = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:certificate-AbCdEf";
const dashboardUsersSecretArn = "arn:aws:ssm:eu-west-1:111122223333:parameter/dashboard-users";

const minimal: TraefikGatewayArgs = {
    vpcId: "vpc-1",
    subnetIds: ["subnet-1", "subnet-2"],
    loadBalancerSubnetIds: ["subnet-3", "subnet-4"],
    clusterArn,
    certificateSecretArn,
};

const full: TraefikGatewayArgs = {
    ...minimal,
    domain: "apps.example.com",
    hostedZoneId: "Z1",
    dashboardHost: "traefik.apps.example.com",
    dashboardUsersSecretArn,
    tags,
};

interface Container {
    readonly name: string;
    readonly command: readonly string[];
    readonly secrets: readonly unknown[];
    readonly stopTimeout: number;
    readonly user: string;
}

describe("TraefikGateway", () => {
    const made = keepsHouseRules((options) => new TraefikGateway("it", full, options));
    const inputsOf = (name: string): Record<string, unknown> => made().find(name).inputs;
    const traefik = (): Container => (inputsOf("it-task").containerDefinitions as Container[])[1];

    it("may ask ECS three things, two of them of its cluster alone, and has no keys", () => {
        expect(inputsOf("it-task-task-policy")).to.deep.equal({
            role: "it-task-task-role",
            policy: {
                Version: "2012-10-17",
                Statement: [
                    {
                        Sid: "FindTasks",
                        Effect: "Allow",
                        Action: ["ecs:DescribeTasks", "ecs:ListTasks"],
                        Resource: "*",
                        Condition: { ArnEquals: { "ecs:cluster": clusterArn } },
                    },
                    { Sid: "ReadLabels", Effect: "Allow", Action: "ecs:DescribeTaskDefinition", Resource: "*" },
                ],
            },
        });
        expect(JSON.stringify(traefik())).not.to.match(/access_?key/i);
    });

    it("exposes nothing but healthy tasks that are labelled for it", () => {
        expect(traefik().command).to.include.members([
            "--providers.ecs.exposedByDefault=false",
            "--providers.ecs.healthyTasksOnly=true",
            `--providers.ecs.clusters=${clusterArn}`,
            "--providers.ecs.constraints=Label(`taskgate.gateway`, `it`)",
        ]);
    });

    it("asks ECS often enough to notice a stop while the task still serves, for 20 seconds", () => {
        expect(traefik().command).to.include("--providers.ecs.refreshSeconds=10");
    });

    it("gets the certificate and the dashboard's users as secrets, and is not root", () => {
        expect(traefik().secrets).to.deep.equal([
            { name: "TLS_CERTIFICATE_CHAIN", valueFrom: `${certificateSecretArn}:certificateChain::` },
            { name: "TLS_PRIVATE_KEY", valueFrom: `${certificateSecretArn}:privateKey::` },
            { name: "DASHBOARD_USERS", valueFrom: dashboardUsersSecretArn },
        ]);
        expect(traefik().user).to.equal("65532");
        expect(traefik().stopTimeout).to.equal(30);
    });

    it("is reached by its load balancer alone, which serves 443 and 80", () => {
        const [front, tasks] = ["sg-it-security-group", "sg-it-tasks-security-group"];
        expect(made().securityGroupRules()).to.have.members([
            ...[443, 80].flatMap((port) => ["0.0.0.0/0", "::/0"].map((cidr) => `${front} ${port} from ${cidr}`)),
            ...[8443, 8000, 8080].flatMap((port) => [`${front} ${port} to ${tasks}`, `${tasks} ${port} from ${front}`]),
            ...["0.0.0.0/0", "::/0"].map((cidr) => `${tasks} all to ${cidr}`),
        ]);
    });

    it("gives every name of the domain to the load balancer", () => {
        expect(inputsOf("it-record")).to.deep.equal({
            zoneId: "Z1",
            name: "*.apps.example.com",
            type: "A",
            aliases: [{ name: "it.elb.amazonaws.com", zoneId: "Z-elb", evaluateTargetHealth: true }],
        });
        expect(made().component("it").outputs).to.deep.include({
            gatewayName: "it",
            dashboardUrl: "https://traefik.apps.example.com/dashboard/",
            securityGroupId: "sg-it-tasks-security-group",
        });
    });

    it("replaces its tasks after a renewal, which may do that to its service and nothing else", () => {
        const { policy } = inputsOf("it-redeploy-policy") as { policy: { Statement: unknown[] } };
        expect(policy.Statement.slice(0, 2)).to.deep.equal([
            {
                Sid: "Redeploy",
                Effect: "Allow",
                Action: ["ecs:DescribeServices", "ecs:UpdateService"],
                Resource: "arn:aws:ecs:eu-west-1:111122223333:service/it-service",
            },
            {
                Sid: "SeeRenewals",
                Effect: "Allow",
                Action: "secretsmanager:DescribeSecret",
                Resource: certificateSecretArn,
            },
        ]);
    });

    it("takes a renewed certificate up while it runs with the rotation hot, by a helper that can open no key", async () => {
        const args: TraefikGatewayArgs = {
            ...minimal,
            rotation: "hot",
            sealedCertificateUrl: "https://sealed.s3.eu-west-1.amazonaws.com/certificate.json",
            helperImage: "helpers:1",
        };
        const hot = await recordOne((options) => new TraefikGateway("it", args, options));
        const [init, proxy, follow] = hot.find("it-task").inputs.containerDefinitions as Record<string, unknown>[];
        expect(proxy.secrets).to.deep.equal([
            { name: "TLS_CERTIFICATE_CHAIN", valueFrom: `${certificateSecretArn}:certificateChain::` },
            { name: "TLS_PRIVATE_KEY", valueFrom: `${certificateSecretArn}:privateKey::` },
            { name: "TLS_KEY_PASSWORD", valueFrom: `${certificateSecretArn}:keyPassword::` },
        ]);
        expect(proxy.command).to.include.members([
            "--providers.file.directory=/etc/traefik/dynamic",
            "--providers.file.watch=true",
        ]);
        expect([init.secrets, follow.secrets]).to.deep.equal([undefined, undefined]);
        expect(follow).to.deep.include({
            name: "follow",
            image: "helpers:1",
            essential: true,
            user: "65532",
            readonlyRootFilesystem: true,
            dependsOn: [{ containerName: "init", condition: "SUCCESS" }],
            mountPoints: [{ sourceVolume: "dynamic", containerPath: "/etc/traefik/dynamic", readOnly: false }],
            environment: [
                { name: "CERTIFICATE_URL", value: "https://sealed.s3.eu-west-1.amazonaws.com/certificate.txt" },
                { name: "POLL_SECONDS", value: "60" },
            ],
        });
        const { environment } = hot.find("it-redeploy").inputs as { environment: { variables: object } };
        expect(environment.variables).to.include({ ONLY_INCOMPLETE: "true" });
    });

    it("refuses a rotation that does not know where later certificates are", async () => {
        const refused = (args: Partial<TraefikGatewayArgs>) =>
            refusalOf((options) => new TraefikGateway("it", { ...minimal, ...args }, options));
        const refusals = [await refused({ rotation: "hot" }), await refused({ helperImage: "helpers:1" })];
        expect(refusals.map((refusal) => Object.keys(refusal))).to.deep.equal([
            ["sealedCertificateUrl"],
            ["helperImage"],
        ]);
        expect(
            Object.keys(await refused({ sealedCertificateUrl: "https://example.com/certificate.json" })),
        ).to.deep.equal(["sealedCertificateUrl"]);
    });

    it("has no dashboard unless asked for", async () => {
        const plain = await recordOne((options) => new TraefikGateway("it", minimal, options));
        const text = JSON.stringify(plain.find("it-task").inputs);
        expect(text).not.to.match(/api\.dashboard|api@internal|DASHBOARD_USERS/);
        expect(plain.component("it").outputs?.dashboardUrl).to.equal("");
    });

    it("refuses all that is wrong at once", async () => {
        const args: TraefikGatewayArgs = {
            ...minimal,
            ...{ internal: true, hostedZoneId: "Z1", dashboardHost: "traefik.example.com", memory: 513 },
            ...{ drainSeconds: 111, allowedCidrBlocks: ["all"] },
        };
        expect(await refusalOf((options) => new TraefikGateway("it", args, options))).to.deep.equal({
            domain: "is missing: domain and hostedZoneId go together",
            dashboardUsersSecretArn: "is missing: dashboardHost and dashboardUsersSecretArn go together",
            hostedZoneId:
                "an internal load balancer has no address on the internet for a public record: make one in a private zone",
            memory: "Fargate has no task of 256 CPU units with 513 MiB: give one of 512, 1024, 2048",
            drainSeconds: "111 is not allowed: give a whole number from 0 to 110 seconds",
            "allowedCidrBlocks[0]": '"all" is not a CIDR block, e.g. 203.0.113.0/24 or 2001:db8::/32',
        });
    });
});

describe("traefikLabels", () => {
    const route: TraefikRoute = { gateway: "edge", name: "shop", hosts: ["shop.example.com"] };

    it("route hosts and paths to the port that Envoy serves", () => {
        expect(traefikLabels({ ...route, hosts: ["a.example.com", "b.example.com"], paths: ["/v1"] })).to.deep.equal({
            "traefik.enable": "true",
            "taskgate.gateway": "edge",
            "traefik.http.routers.shop.entrypoints": "websecure",
            "traefik.http.routers.shop.rule": "(Host(`a.example.com`) || Host(`b.example.com`)) && (PathPrefix(`/v1`))",
            "traefik.http.routers.shop.service": "shop",
            "traefik.http.services.shop.loadbalancer.server.port": "443",
            "traefik.http.services.shop.loadbalancer.server.scheme": "https",
            "traefik.http.services.shop.loadbalancer.serverstransport": "tasks@file",
        });
    });

    it("route to an app's own port by plain HTTP", () => {
        const labels = traefikLabels({ ...route, port: 8080, https: false });
        expect(labels).to.include({ "traefik.http.services.shop.loadbalancer.server.port": "8080" });
        expect(Object.keys(labels).filter((key) => /scheme|transport/.test(key))).to.deep.equal([]);
    });

    it("refuse what would break a rule", () => {
        const paths = Array.from({ length: 10 }, (_, index) => `/${index}`);
        expect(() => traefikLabels({ ...route, gateway: "a b", paths, port: 0 })).to.throw(
            'traefikLabels "shop" cannot be made: gateway: "a b" is no name of a TraefikGateway: use letters, digits and hyphens;' +
                " port: 0 is not allowed: give a whole number from 1 to 65535;" +
                " hosts: 1 hosts and 10 paths are more than 10: make two routes of them",
        );
        expect(() => traefikLabels({ ...route, hosts: ["a`) || Host(`b"] })).to.throw(
            '"a`) || Host(`b" is no host name',
        );
        expect(() => traefikLabels({ ...route, hosts: [] })).to.throw("hosts: is empty: give at least 1");
    });
});

describe("Traefik's configuration", () => {
    const directory = mkdtempSync(join(tmpdir(), "taskgate-test-"));
    const file = (name: string): string => join(directory, name);
    const ports = { https: 0, http: 0, ping: 0 };
    let process: ChildProcess;
    before(async () => {
        for (const port of ["https", "http", "ping"] as const) {
            ports[port] = await freePort();
        }
        const { certificate, privateKey } = await selfSignedWildcard("example.com");
        writeFileSync(file("taskgate.yaml"), traefikDynamicFile("traefik.example.com"));
        const flags = traefikFlags({
            ...{ gateway: "it", clusterArn, region: "eu-west-1", publicHttpsPort: 443, drainSeconds: 1 },
            hasDashboard: true,
        })
            .filter((flag) => !flag.startsWith("--providers.ecs.")) // there is no ECS here
            .map((flag) =>
                flag
                    .replace("/etc/traefik/dynamic/", `${directory}/`)
                    .replace("0.0.0.0:8443", `127.0.0.1:${ports.https}`)
                    .replace("0.0.0.0:8000", `127.0.0.1:${ports.http}`)
                    .replace("0.0.0.0:8080", `127.0.0.1:${ports.ping}`),
            );
        const users = "ada:$2y$05$aaaaaaaaaaaaaaaaaaaaaeWdJrEJ6F9yQ2TqgM4oHqT8vXcZ9p5hW\n";
        const env = {
            ...{ TLS_CERTIFICATE_CHAIN: certificate, TLS_PRIVATE_KEY: privateKey },
            DASHBOARD_USERS: users,
        };
        process = spawn(join(projectRoot, ".tools/python/bin/traefik"), flags, { env, stdio: "ignore" });
        // Its configuration comes a moment after its ports.
        await until("Traefik redirects", async () => {
            const answer = await status(`http://127.0.0.1:${ports.http}/`).catch(() => "");
            return answer.startsWith("301");
        });
        await until("Traefik shows the certificate", () =>
            handshake({}).then(
                ({ name }) => name === "*.example.com",
                () => false,
            ),
        );
        expect(await status(`http://127.0.0.1:${ports.ping}/ping`)).to.equal("200");
    });
    after(async () => {
        const ended = new Promise((resolve) => process.once("exit", resolve));
        process.kill("SIGKILL");
        await ended;
        rmSync(directory, { recursive: true });
    });

    function status(url: string): Promise<string> {
        return new Promise((resolve, reject) => {
            get(url, { agent: false, headers: { host: "shop.example.com" } }, (response) => {
                response.resume();
                resolve(`${response.statusCode} ${response.headers.location ?? ""}`.trim());
            }).once("error", reject);
        });
    }

    function handshake(
        options: object,
        text?: string,
    ): Promise<{ protocol: string | null; name: string; answer: string }> {
        return new Promise((resolve, reject) => {
            const socket = connect(
                { host: "127.0.0.1", port: ports.https, rejectUnauthorized: false, ...options },
                () => {
                    const known = {
                        protocol: socket.getProtocol(),
                        name: String(socket.getPeerCertificate().subject.CN),
                    };
                    if (text === undefined) {
                        resolve({ ...known, answer: "" });
                        socket.destroy();
                        return;
                    }
                    let answer = "";
                    socket
                        .on("data", (data: Buffer) => (answer += data.toString()))
                        .once("end", () => resolve({ ...known, answer }));
                    socket.write(text);
                },
            );
            socket.once("error", reject);
        });
    }

    it("shows the certificate of its environment, by TLS 1.2 and newer", async () => {
        expect(await handshake({})).to.deep.equal({ protocol: "TLSv1.3", name: "*.example.com", answer: "" });
        const old = { minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" };
        expect(await handshake(old).catch((error: Error) => error.message)).to.match(/alert protocol version/);
        const weak = { maxVersion: "TLSv1.2", ciphers: "AES128-SHA" };
        expect(await handshake(weak).catch((error: Error) => error.message)).to.match(/handshake failure/);
    });

    it("redirects plain HTTP", async () => {
        expect(await status(`http://127.0.0.1:${ports.http}/a?b`)).to.equal("301 https://shop.example.com/a?b");
    });

    it("asks who wants to see the dashboard", async () => {
        const ask = (host: string): string => `GET /dashboard/ HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`;
        const dashboard = await handshake({ servername: "traefik.example.com" }, ask("traefik.example.com"));
        expect(dashboard.answer).to.match(/^HTTP\/1.1 401 /);
        expect(dashboard.answer).to.match(/strict-transport-security: max-age=31536000/i);
        const elsewhere = await handshake({ servername: "shop.example.com" }, ask("shop.example.com"));
        expect(elsewhere.answer).to.match(/^HTTP\/1.1 404 /);
    });
});
