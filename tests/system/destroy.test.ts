import { join } from "node:path";

import { ListCertificatesCommand, ACMClient } from "@aws-sdk/client-acm";
import { DescribeTasksCommand } from "@aws-sdk/client-ecs";
import { ListResourceRecordSetsCommand, Route53Client } from "@aws-sdk/client-route-53";
import { expect } from "chai";

import { Caller, eventually, hostnameOf, runTasks, untilRunning } from "../../local/internet/caller";
import { resolve } from "../../local/internet/visitor";
import { clientConfig } from "../../local/machine/awsClients";
import { projectRoot } from "../../local/machine/projectRoot";
import type { SystemFile } from "../../local/machine/systemFile";
import { OperationOptions, runOperation } from "../../local/pulumi/operation";
import { localConfig, platformsOf } from "../../local/pulumi/platforms";
import type { Config } from "../../local/pulumi/workspace";
import { readState } from "../../local/pulumi/state";
import { issuedCertificate, localSystem } from "../support/localSystem";

const region = "eu-west-1";

// The local ACM takes a certificate for in use for some seconds after its last listener has gone, and a cluster with tasks cannot be deleted.
describe("pulumi destroy, in one go", () => {
    let system: SystemFile;

    before(async () => {
        system = (await localSystem()).file;
    });

    function configOf(domain: string): Config {
        return { "aws:region": region, ...localConfig(system), domain };
    }

    /** Names of the records of a domain and below it. */
    async function recordsOf(domain: string): Promise<string[]> {
        const route53 = new Route53Client(clientConfig(system.gatewayUrl, { ...system, region: "us-east-1" }));
        const { ResourceRecordSets = [] } = await route53.send(
            new ListResourceRecordSetsCommand({ HostedZoneId: system.hostedZoneId }),
        );
        return ResourceRecordSets.map(({ Name = "", Type }) => `${Name} ${Type}`).filter((record) =>
            `.${record}`.includes(`.${domain}.`),
        );
    }

    async function certificatesOf(domain: string): Promise<string[]> {
        const acm = new ACMClient(clientConfig(system.gatewayUrl, { ...system, region }));
        const { CertificateSummaryList = [] } = await acm.send(new ListCertificatesCommand({}));
        return CertificateSummaryList.flatMap(({ DomainName = "" }) =>
            DomainName.endsWith(domain) ? [DomainName] : [],
        );
    }

    /** As ECS still tells of it, or the name of its error. */
    async function statusOf({ ecs, outputs }: Caller, taskArn: string): Promise<string | undefined> {
        return ecs.send(new DescribeTasksCommand({ cluster: outputs.clusterArn, tasks: [taskArn] })).then(
            ({ tasks = [] }) => tasks[0]?.lastStatus,
            (error: Error) => error.name,
        );
    }

    it("stops tasks that run on demand and takes their names away, before what they need goes", async () => {
        const options = { stack: "ending", config: configOf("ending.tasks.example.test") };
        const { outputs } = await runOperation(system, "up", options);
        const [caller] = platformsOf(system, outputs);
        await issuedCertificate(caller);
        const taskArns = await runTasks(caller, 2);
        await Promise.all(taskArns.map((taskArn) => untilRunning(caller, taskArn)));
        for (const hostname of taskArns.map((taskArn) => hostnameOf(caller, taskArn))) {
            await eventually(`${hostname} in DNS`, async () => (await resolve(system, hostname))[0]);
        }

        await runOperation(system, "destroy", options);

        expect(readState(system, "ending").resources).to.deep.equal([]);
        expect(await recordsOf("ending.tasks.example.test")).to.deep.equal([]);
        for (const taskArn of taskArns) {
            expect(await statusOf(caller, taskArn)).to.be.oneOf(["STOPPED", "ClusterNotFoundException", undefined]);
        }
    });

    it("leaves none of the first renewal's records straight after up, whatever that is at", async () => {
        const options = { stack: "early-end", config: configOf("early-end.tasks.example.test") };
        await runOperation(system, "up", options);

        await runOperation(system, "destroy", options);

        expect(readState(system, "early-end").resources).to.deep.equal([]);
        expect(await recordsOf("early-end.tasks.example.test")).to.deep.equal([]);
    });

    it("waits until ACM lets go of the certificate that a listener showed, straight after up", async () => {
        const domain = "kept.tasks.example.test";
        const options: OperationOptions = {
            stack: "kept",
            program: join(projectRoot, "examples/end-to-end-tls/index.ts"),
            config: { ...configOf(domain), image: "docker.io/traefik/whoami:v1.11.0" },
        };
        await runOperation(system, "up", options);
        expect(await certificatesOf(domain)).to.deep.equal([`*.${domain}`]);

        await runOperation(system, "destroy", options);

        expect(readState(system, "kept", "end-to-end-tls").resources).to.deep.equal([]);
        expect(await certificatesOf(domain)).to.deep.equal([]);
        expect(await recordsOf(domain)).to.deep.equal([]);
    });
});
