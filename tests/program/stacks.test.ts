import { expect } from "chai";

import type * as program from "../../index";
import { isTaggable } from "../../policy/taggable";
import { record, Recording, valueOf, zoneIdOf } from "../support/mocks";
import { stackConfig } from "../support/stackConfig";

type Program = typeof program;

/** Runs the program anew: its module is the deployment. */
function load(): Program {
    const path = require.resolve("../../index");
    delete require.cache[path];
    return module.require(path) as Program;
}

function run(stack: string, overrides: Record<string, unknown>, preview = false): Promise<Recording<Program>> {
    return record(load, { stack, config: stackConfig(stack, overrides), preview });
}

const namesOf = ({ resources }: Recording<Program>): string[] =>
    resources.map(({ type, name, parent }) => `${type} ${name} of ${parent}`).sort();

describe("The stack program", () => {
    const dev = { "taskgate:domain": "tasks.dev.example.com" };
    const prod = {
        "taskgate:domain": "tasks.example.com",
        "taskgate:hostedZoneId": "Z123",
        "taskgate:regions": ["eu-west-1", "us-east-1"],
        "taskgate:notificationEmail": "ops@example.com",
        "taskgate:desiredCount": 2,
    };

    let made: Recording<Program>;
    before(async () => {
        made = await run("dev", dev);
    });

    it("of dev previews all that it makes: a platform and its provider, in the zone found by name", async () => {
        expect(namesOf(await run("dev", dev, true))).to.deep.equal(namesOf(made));

        const top = made.resources.filter(({ parent }) => parent === undefined);
        expect(top.map(({ name, type }) => `${name} ${type}`).sort()).to.deep.equal([
            "eu-west-1 pulumi:providers:aws",
            "tasks-eu-west-1 taskgate:index:TaskPlatform",
        ]);
        const { command, ...platform } = made.component("tasks-eu-west-1").inputs;
        expect(command).to.deep.equal(["--port", "8080"]);
        expect(platform).to.deep.equal({
            domain: "eu-west-1.tasks.dev.example.com",
            hostedZoneId: zoneIdOf("tasks.dev.example.com"),
            acmeDirectory: "letsencrypt-staging",
            keyType: "P-256",
            image: "docker.io/traefik/whoami:v1.11.0",
            containerPort: 8080,
            cpu: 256,
            memory: 512,
            cpuArchitecture: "X86_64",
            httpsPort: 443,
            httpPort: 80,
            accessLog: "errors",
            rotation: "redeploy",
            recordTtl: 15,
            logRetentionDays: 30,
            containerInsights: "disabled",
            cidrBlock: "10.0.0.0/16",
            numberOfAvailabilityZones: 2,
            tags: { "taskgate:stack": "taskgate/dev" },
        });
        expect(made.invokes.filter(({ provider }) => provider !== "eu-west-1")).to.deep.equal([]);
        expect(
            made.invokes.filter(
                ({ token, inputs }) => token === "aws:route53/getZone:getZone" && inputs.zoneId === undefined,
            ),
        ).to.deep.equal([
            {
                token: "aws:route53/getZone:getZone",
                inputs: { name: "tasks.dev.example.com" },
                provider: "eu-west-1",
            },
        ]);
    });

    it("of prod previews all that it makes: a platform in each region, by its own provider, with the stack's tag", async () => {
        const both = await run("prod", prod);
        expect(namesOf(await run("prod", prod, true))).to.deep.equal(namesOf(both));

        const providers = both.resources.filter(({ type }) => type === "pulumi:providers:aws");
        expect(providers.map(({ name, inputs }) => [name, inputs.region])).to.deep.equal([
            ["eu-west-1", "eu-west-1"],
            ["us-east-1", "us-east-1"],
        ]);
        const others = both.resources.filter(({ type }) => type !== "pulumi:providers:aws");
        const misplaced = others.filter(({ name, provider }) => !name.startsWith(`tasks-${provider}`));
        expect(misplaced).to.deep.equal([]);
        const untagged = others.filter(
            ({ type, inputs }) =>
                isTaggable(type) && JSON.stringify(inputs.tags) !== '{"taskgate:stack":"taskgate/prod"}',
        );
        expect(untagged).to.deep.equal([]);
        expect(both.invokes.map(({ provider }) => provider)).not.to.include(undefined);
        const zones = both.invokes.filter(({ token }) => token === "aws:route53/getZone:getZone");
        expect(zones.filter(({ inputs }) => inputs.zoneId !== "Z123")).to.deep.equal([]);
        expect(both.component("tasks-us-east-1").inputs).to.deep.include({
            domain: "us-east-1.tasks.example.com",
            hostedZoneId: "Z123",
            acmeDirectory: "letsencrypt",
            desiredCount: 2,
        });
    });

    it("gives for each region what a caller and an operator need", async () => {
        expect(Object.keys(made.result.regions)).to.deep.equal(["eu-west-1"]);
        const { domain, ...outputs } = made.result.regions["eu-west-1"];
        const values = await Promise.all(
            Object.entries(outputs).map(async ([key, output]) => [key, await valueOf<unknown>(output)]),
        );
        const { runTaskCommand, runTaskInput, ...rest } = Object.fromEntries(values) as Record<string, unknown>;
        expect(domain).to.equal("eu-west-1.tasks.dev.example.com");
        expect(runTaskCommand).to.match(
            /^aws ecs run-task --region eu-west-1 .*https:.*eu-west-1\.tasks\.dev\.example\.com\/\|'$/,
        );
        expect(JSON.parse(runTaskInput as string)).to.include({ cluster: rest.clusterArn });
        expect(rest).to.deep.equal({
            clusterArn: "arn:aws:ecs:eu-west-1:111122223333:cluster/tasks-eu-west-1-cluster",
            taskDefinitionArn: "arn:aws:ecs:eu-west-1:111122223333:task-definition/tasks-eu-west-1-task:1",
            vpcId: "vpc-tasks-eu-west-1-network",
            subnetIds: ["subnet-tasks-eu-west-1-network-public-1", "subnet-tasks-eu-west-1-network-public-2"],
            securityGroupId: "sg-tasks-eu-west-1-task-security-group",
            taskRoleArn: "arn:aws:iam::111122223333:role/tasks-eu-west-1-task-task-role",
            logGroupName: "tasks-eu-west-1-task-logs",
            certificateSecretArn:
                "arn:aws:secretsmanager:eu-west-1:111122223333:secret:tasks-eu-west-1-certificate-secret-AbCdEf",
            renewalFunctionName: "tasks-eu-west-1-certificate-renewal",
            rsaRenewalFunctionName: "",
            dnsFunctionName: "tasks-eu-west-1-dns-sync",
            alertTopicArn: "arn:aws:sns:eu-west-1:111122223333:tasks-eu-west-1-certificate-alerts",
        });
    });

    it("makes nothing when its configuration is faulty", async () => {
        const refused = await record(() => expect(load).to.throw("aws:region: is missing"));
        expect(refused.resources).to.deep.equal([]);
    });
});
