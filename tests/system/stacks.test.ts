import { join } from "node:path";

import { IAM } from "@aws-sdk/client-iam";
import { SQS } from "@aws-sdk/client-sqs";
import { expect } from "chai";

import { eventually, hostnameOf, runTasks, untilRunning } from "../../local/internet/caller";
import { resolve } from "../../local/internet/visitor";
import { clientConfig } from "../../local/machine/awsClients";
import { projectRoot } from "../../local/machine/projectRoot";
import { findSystemFile, SystemFile } from "../../local/machine/systemFile";
import {
    DocumentedRole,
    documentedPolicies,
    documentedSession,
    makeRole,
    sessionOf,
} from "../../local/pulumi/documentedRoles";
import { OperationOptions, OperationResult, runOperation } from "../../local/pulumi/operation";
import { localConfig, platformsOf } from "../../local/pulumi/platforms";
import { ownPolicyPack } from "../../local/pulumi/policyPack";
import { readState } from "../../local/pulumi/state";
import { issuedCertificate, localSystem } from "../support/localSystem";

describe("stacks dev and prod", () => {
    let system: SystemFile;
    let iam: IAM;

    before(async () => {
        system = (await localSystem()).file;
        iam = new IAM(clientConfig(system.gatewayUrl, { accountId: system.accountId, region: "eu-west-1" }));
    });

    /** The access key of a session of a documented role from which somebody has taken an action. */
    async function without(role: DocumentedRole, taken: string): Promise<string> {
        const policies = documentedPolicies(role, undefined, system.hostedZoneId).map((policy) => ({
            ...policy,
            Statement: policy.Statement.map((statement) => ({
                ...statement,
                Action: [statement.Action].flat().filter((action) => action !== taken),
            })).filter(({ Action }) => Action.length > 0),
        }));
        return sessionOf(system, await makeRole(system, `${role}-without-${taken.replace(":", "-")}`, policies));
    }

    it("are deployed by a role that each process makes and finds as it is", async () => {
        const program = join(projectRoot, "index.ts");
        const first = await documentedSession(system, "taskgate-deploy", program);
        const RoleName = "taskgate-deploy";
        const before = await iam.listAttachedRolePolicies({ RoleName });
        // What another process reads of the system.
        const read = findSystemFile(system.directory)!;
        expect(await documentedSession(read, "taskgate-deploy", program)).to.equal(first);
        const { AttachedPolicies } = await iam.listAttachedRolePolicies({ RoleName });
        expect(AttachedPolicies!.map(({ PolicyName }) => PolicyName)).to.deep.equal([
            "taskgate-deploy-1",
            "taskgate-deploy-2",
        ]);
        expect(AttachedPolicies).to.deep.equal(before.AttachedPolicies);
    });

    for (const stack of ["dev", "prod"]) {
        it(`${stack}, by the roles of docs/ci.md: the policy pack accepts it; preview, up and a second up register the same resources; up after a refresh changes nothing; destroy leaves none, though tasks run`, async () => {
            const config = { ...localConfig(system), "taskgate:domain": `${stack}.tasks.example.test` };
            const run = (
                operation: "preview" | "up" | "destroy",
                more: Pick<OperationOptions, "policyPack" | "refresh"> = {},
            ): Promise<OperationResult> => runOperation(system, operation, { stack, config, ...more });
            const registered = ({ resources }: OperationResult): string[] => resources.map(({ urn }) => urn).sort();

            const preview = await run("preview");
            const up = await run("up", { policyPack: ownPolicyPack(system, ["taskgate:stack"]) });
            const again = await run("up", { refresh: true });
            if (stack === "dev") {
                const putRight = await changedByHand(stack, () => run("up", { refresh: true }));
                expect(putRight.changes).to.deep.equal({ same: up.changes.create - 2, create: 1, update: 1 });
            }
            const hostnames = await withTwoTasks(up);
            await run("destroy");
            expect(await Promise.all(hostnames.map((hostname) => resolve(system, hostname)))).to.deep.equal([[], []]);

            expect(up.stdout).to.contain("✅ taskgate@");
            expect(registered(up)).to.deep.equal(registered(preview));
            expect(registered(again)).to.deep.equal(registered(preview));
            expect(preview.changes).to.deep.equal(up.changes);
            expect(again.changes).to.deep.equal({ same: up.changes.create });
            expect(readState(system, stack).resources).to.deep.equal([]);
        });
    }

    const denied = (role: string, action: string, resource: string): string =>
        `User: arn:aws:sts::111122223333:assumed-role/${role}/pulumi is not authorized to perform: ${action} on resource: ${resource}`;

    it("says which permission is missing when one is taken from the role that previews", async () => {
        const taken = "route53:ListHostedZones";
        const accessKeyId = await without("taskgate-preview", taken);
        const config = {
            ...localConfig(system),
            domain: system.domain,
            hostedZoneId: "",
            hostedZoneName: system.domain,
        };
        const options = { stack: "dev", config };
        const { changes } = await runOperation(system, "preview", options);
        expect(Object.keys(changes)).to.deep.equal(["create"]);
        const error = await runOperation(system, "preview", { ...options, accessKeyId }).catch(
            (thrown: Error) => thrown,
        );
        expect((error as Error).message).to.contain(
            denied("taskgate-preview-without-route53-ListHostedZones", taken, "*"),
        );
    });

    it("says which permission is missing when one is taken from the role that deploys, and makes nothing by it", async () => {
        const taken = "secretsmanager:CreateSecret";
        const accessKeyId = await without("taskgate-deploy", taken);
        const options = {
            stack: "lacking",
            config: { ...localConfig(system), "aws:region": "eu-west-1", domain: "lacking.tasks.example.test" },
        };
        const error = await runOperation(system, "up", { ...options, accessKeyId }).catch((thrown: Error) => thrown);
        const secret = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:tasks-eu-west-1-certificate-secret-";
        const types = readState(system, "lacking").resources.map(({ type }) => type);
        await runOperation(system, "destroy", options);
        expect((error as Error).message).to.contain(
            denied("taskgate-deploy-without-secretsmanager-CreateSecret", taken, secret),
        );
        expect(types).to.contain("aws:iam/role:Role").and.not.to.contain("aws:secretsmanager/secret:Secret");
        expect(readState(system, "lacking").resources).to.deep.equal([]);
    });

    /** Somebody takes a permission from the DNS sync's role and changes its queue; gives what `mend` says once both are as before. */
    async function changedByHand(stack: string, mend: () => Promise<OperationResult>): Promise<OperationResult> {
        const { resources } = readState(system, stack);
        const config = clientConfig(system.gatewayUrl, { accountId: system.accountId, region: "eu-west-1" });
        const sqs = new SQS(config);
        const found = (type: string, part: string) =>
            resources.find((resource) => resource.type === type && resource.urn.split("::").at(-1)!.endsWith(part))!;
        const { inputs = {} } = found("aws:iam/rolePolicy:RolePolicy", "dns-sync-policy");
        const RoleName = String(inputs.role);
        const QueueUrl = String(found("aws:sqs/queue:Queue", "-dns-queue").outputs?.url);
        const look = async () => {
            const { Attributes } = await sqs.getQueueAttributes({ QueueUrl, AttributeNames: ["VisibilityTimeout"] });
            const { PolicyNames = [] } = await iam.listRolePolicies({ RoleName });
            const policies = await Promise.all(
                PolicyNames.map((PolicyName) => iam.getRolePolicy({ RoleName, PolicyName })),
            );
            return { ...Attributes, policies: policies.map(({ PolicyDocument }) => PolicyDocument) };
        };
        const before = await look();
        await iam.deleteRolePolicy({ RoleName, PolicyName: String(inputs.name) });
        await sqs.setQueueAttributes({ QueueUrl, Attributes: { VisibilityTimeout: "1" } });
        expect(await look()).to.deep.equal({ VisibilityTimeout: "1", policies: [] });
        const result = await mend();
        expect(await look()).to.deep.equal(before);
        return result;
    }

    /** Starts two tasks, which run on and have their names: a destroy stops them and takes the names away. */
    async function withTwoTasks({ outputs }: OperationResult): Promise<string[]> {
        const [caller] = platformsOf(system, outputs);
        await issuedCertificate(caller);
        const arns = await runTasks(caller, 2);
        await Promise.all(arns.map((arn) => untilRunning(caller, arn)));
        const hostnames = arns.map((arn) => hostnameOf(caller, arn));
        for (const hostname of hostnames) {
            await eventually(`${hostname} in DNS`, async () => (await resolve(system, hostname))[0]);
        }
        return hostnames;
    }
});

describe("a faulty configuration", () => {
    it("is refused as a whole, each key with what it got and what is allowed, before any resource", async () => {
        const { file } = await localSystem();
        const config = {
            "taskgate:domain": "https://*.example.com",
            "taskgate:regions": ["eu-west-9"],
            "taskgate:cpu": "256",
            "taskgate:memory": "4096",
            "taskgate:httpsPort": "70000",
            "taskgate:acmeDirectory": "letsencript",
        };
        const message = await runOperation(file, "up", { stack: "faulty", config }).then(
            () => "no error",
            (error: Error) => error.message,
        );

        for (const fault of [
            'taskgate:domain: "https://*.example.com" is not a domain: leave out the scheme and the path, e.g. tasks.example.com',
            'taskgate:regions: "eu-west-9" is not an AWS region, e.g. eu-west-1',
            "taskgate:memory: Fargate has no task of 256 CPU units with 4096 MiB: give one of 512, 1024, 2048",
            "taskgate:httpsPort: 70000 is not allowed: give a whole number from 1 to 65535",
            'taskgate:acmeDirectory: "letsencript" is not an ACME directory: give letsencrypt, letsencrypt-staging or a directory\'s https:// URL',
        ]) {
            expect(message).to.contain(`  ${fault}`);
        }
        expect(message).to.contain("has 5 faults; nothing was changed");
        // The stack itself is in its state; nothing else is.
        expect(readState(file, "faulty").resources.map(({ type }) => type)).to.deep.equal(["pulumi:pulumi:Stack"]);
    });
});
