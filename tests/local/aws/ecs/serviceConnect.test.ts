import { request } from "node:http";

import * as ecs from "@aws-sdk/client-ecs";
import { expect } from "chai";

import { network, startLocalEcs } from "../../../support/localEcs";
import type { LocalEcs } from "../../../support/localEcs";
import { until } from "../../../support/until";

const namespace = "arn:aws:servicediscovery:eu-west-1:111122223333:namespace/ns-1";
const server: ecs.ServiceConnectConfiguration = {
    enabled: true,
    namespace,
    services: [{ portName: "orders", clientAliases: [{ dnsName: "orders", port: 9090 }] }],
};
const client: ecs.ServiceConnectConfiguration = { enabled: true, namespace };

const orders: ecs.ContainerDefinition = {
    name: "app",
    image: "docker.io/traefik/whoami:v1.11.0",
    command: ["--port", "8080", "--name", "orders"],
    portMappings: [{ containerPort: 8080, name: "orders", appProtocol: "http" }],
    stopTimeout: 5,
};

/** Answers with what it gets at http://orders:9090/, or with Node's error code; at /where with the address that the name has for it. */
const caller: ecs.ContainerDefinition = {
    name: "app",
    image: "node:24",
    command: [
        "node",
        "-e",
        `require("node:http").createServer((request, response) => {
            const asked = request.url === "/where"
                ? require("node:dns").promises.lookup("orders").then(({ address }) => address)
                : fetch("http://orders:9090/").then((answer) => answer.text());
            asked.then((text) => response.end(text), (error) => response.end((error.cause ?? error).code));
        }).listen(8080, process.env.HOST)`,
    ],
    portMappings: [{ containerPort: 8080 }],
    stopTimeout: 5,
};

describe("ECS Service Connect, locally", () => {
    let local: LocalEcs;

    before(async () => {
        local = await startLocalEcs(undefined, {
            names: () => ({ dnsPort: 9, trustedRootsFile: "/dev/null" }),
            hasNamespace: (_, name) => Promise.resolve(name === namespace),
        });
    });
    after(() => local.stop());

    async function create(
        serviceName: string,
        container: ecs.ContainerDefinition,
        serviceConnectConfiguration?: ecs.ServiceConnectConfiguration,
        desiredCount = 1,
    ): Promise<ecs.Service> {
        const { service } = await local.client.send(
            new ecs.CreateServiceCommand({
                ...{ cluster: "test", serviceName, desiredCount, serviceConnectConfiguration },
                ...{ launchType: "FARGATE", networkConfiguration: network },
                taskDefinition: await local.define(container),
            }),
        );
        return service!;
    }

    /** The tasks of a service that run by its newest deployment, once there are as many as it should have, and no others. */
    function addressesOf(serviceName: string): Promise<string[]> {
        return until(`${serviceName} is steady`, async () => {
            const { services } = await local.client.send(
                new ecs.DescribeServicesCommand({ cluster: "test", services: [serviceName] }),
            );
            const [{ deployments = [], desiredCount }] = services!;
            const { taskArns: tasks = [] } = await local.client.send(
                new ecs.ListTasksCommand({ cluster: "test", serviceName }),
            );
            if (
                deployments.length !== 1 ||
                deployments[0].rolloutState !== "COMPLETED" ||
                tasks.length !== desiredCount
            ) {
                return undefined;
            }
            const described = await local.client.send(new ecs.DescribeTasksCommand({ cluster: "test", tasks }));
            return described.tasks!.map(({ containers }) => containers![0].networkInterfaces![0].privateIpv4Address!);
        });
    }

    /** The answer, or Node's error code. */
    function get(host: string, path = "/", port = 8080): Promise<string> {
        return new Promise((done) => {
            request({ host, port, path, agent: false }, (response) => {
                let body = "";
                response.on("data", (chunk: Buffer) => (body += String(chunk)));
                response.on("end", () => done(body));
            })
                .once("error", ({ code = "" }: NodeJS.ErrnoException) => done(code))
                .end();
        });
    }

    const listening = (address: string) =>
        until("the caller answers", async () => {
            const answer = await get(address);
            return answer === "ECONNREFUSED" ? undefined : answer;
        });

    it("lets tasks call a service by the names that were there when theirs was deployed, from their own addresses", async () => {
        await create("early", caller, client);
        await create("outside", caller);
        const [early] = await addressesOf("early");
        const [outside] = await addressesOf("outside");

        const created = await create("orders", orders, server, 2);
        expect(created.deployments![0].serviceConnectConfiguration).to.deep.equal(server);
        const called = await addressesOf("orders");
        expect(await listening(early)).to.be.oneOf(["ENOTFOUND", "EAI_AGAIN"]);
        expect(await listening(outside)).to.be.oneOf(["ENOTFOUND", "EAI_AGAIN"]);

        await local.client.send(
            new ecs.UpdateServiceCommand({ cluster: "test", service: "early", forceNewDeployment: true }),
        );
        const [late] = await until("early is deployed anew", async () => {
            const addresses = await addressesOf("early");
            return addresses.includes(early) ? undefined : addresses;
        });
        const answeredBy = new Set<string>();
        await until("each task of orders has answered", async () => {
            const answer = await get(late);
            const [, hostname] = /^Hostname: ip-([\d-]+)\./m.exec(answer) ?? [];
            if (hostname !== undefined) {
                answeredBy.add(hostname.replaceAll("-", "."));
                expect(answer).to.contain(`RemoteAddr: ${late}:`);
            }
            return answeredBy.size === 2 || undefined;
        });
        expect([...answeredBy].sort()).to.deep.equal([...called].sort());

        // The proxy is the task's alone.
        const where = await get(late, "/where");
        expect(where)
            .to.match(/^127\./)
            .and.not.to.be.oneOf([late, ...called]);
        expect(await get(where, "/", 9090)).to.equal("ECONNRESET");

        // Who stops is not called any more, who takes its place is, without a deployment of the caller.
        const { taskArns } = await local.client.send(
            new ecs.ListTasksCommand({ cluster: "test", serviceName: "orders" }),
        );
        await Promise.all(
            taskArns!.map((task) => local.client.send(new ecs.StopTaskCommand({ cluster: "test", task }))),
        );
        await until("another task of orders answers", async () => {
            const [, hostname] = /^Hostname: ip-([\d-]+)\./m.exec(await get(late)) ?? [];
            return (hostname !== undefined && !called.includes(hostname.replaceAll("-", "."))) || undefined;
        });
    });

    it("refuses what ECS refuses", async () => {
        const refusal = (container: ecs.ContainerDefinition, connection: ecs.ServiceConnectConfiguration) => {
            return create("refused", container, connection).then(
                () => "created",
                ({ name, message }: Error) => `${name}: ${message}`,
            );
        };
        expect(await refusal(caller, { enabled: true })).to.equal(
            "InvalidParameterException: A namespace is required: neither the service nor its cluster has one.",
        );
        expect(await refusal(caller, { enabled: true, namespace: "elsewhere" })).to.equal(
            "NamespaceNotFoundException: The specified namespace wasn't found.",
        );
        expect(await refusal(caller, server)).to.equal(
            "InvalidParameterException: portName(orders) does not refer to any named PortMapping in the task definition.",
        );
        expect(await refusal(orders, server)).to.equal(
            "InvalidParameterException: discoveryName(orders) is already used in the namespace.",
        );
    });
});
