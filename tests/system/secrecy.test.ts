import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { DescribeTaskDefinitionCommand } from "@aws-sdk/client-ecs";
import { GetParameterCommand, SSMClient } from "@aws-sdk/client-ssm";
import { expect } from "chai";

import { Caller, hostnameOf, renew, runTasks, stopTask, untilRunning } from "../../local/internet/caller";
import { resolve } from "../../local/internet/visitor";
import { clientConfig } from "../../local/machine/awsClients";
import { readState } from "../../local/pulumi/state";
import { issuedCertificate, localStack } from "../support/localSystem";
import { until } from "../support/until";

/** The lines of a PEM key that are its secret: each would give it away. */
function secretLines(pem: string): string[] {
    return pem.split("\n").filter((line) => line.length > 40 && !line.startsWith("-----"));
}

/** The environments of the processes that hold a text in theirs, by command line. */
function environmentsWith(text: string): { command: string; environment: string }[] {
    return readdirSync("/proc")
        .filter((entry) => /^\d+$/.test(entry))
        .flatMap((pid) => {
            try {
                const environment = readFileSync(`/proc/${pid}/environ`, "utf8");
                const command = readFileSync(`/proc/${pid}/cmdline`, "utf8");
                return environment.includes(text) ? [{ command, environment }] : [];
            } catch {
                return []; // it has ended, or is another user's
            }
        });
}

describe("secrecy of the keys", () => {
    let caller: Caller;
    let secrets: string[];

    before(async () => {
        caller = await localStack();
        const { privateKey } = await issuedCertificate(caller);
        const { system, region, outputs } = caller;
        const ssm = new SSMClient(clientConfig(system.gatewayUrl, { accountId: system.accountId, region }));
        const secretName = outputs.certificateSecretArn.split(":")[6].replace(/-[^-]+$/, "");
        const { Parameter } = await ssm.send(
            new GetParameterCommand({ Name: `/taskgate/${secretName}/acme-account-key`, WithDecryption: true }),
        );
        expect(Parameter?.Type).to.equal("SecureString");
        secrets = [...secretLines(privateKey), ...secretLines(Parameter?.Value ?? "")];
        expect(secrets).to.have.length.greaterThan(2);
    });

    it("only Envoy's process has the certificate's key, and neither process has anything else of this machine's", async () => {
        const [taskArn] = await runTasks(caller);
        await untilRunning(caller, taskArn);
        const [address] = await until("its address", async () => {
            const addresses = await resolve(caller.system, hostnameOf(caller, taskArn));
            return addresses.length > 0 && addresses;
        });
        const environments = environmentsWith(`HOSTNAME=ip-${address.replaceAll(".", "-")}.`);
        const [envoy] = environments.filter(({ command }) => command.includes("--config-yaml"));
        const [app] = environments.filter(({ command }) => command.includes("demoApp"));
        const names = (environment: string): string[] =>
            [...environment.matchAll(/(?:^|\0)(\w+)=/g)].map((match) => match[1]).sort();

        expect(names(app.environment)).to.deep.equal([
            "ECS_CONTAINER_METADATA_URI_V4",
            "HOST",
            "HOSTNAME",
            "NODE_EXTRA_CA_CERTS", // the local network's: see docs/design.md
            "NODE_OPTIONS",
            "PATH",
        ]);
        expect(names(envoy.environment)).to.deep.equal([
            "ECS_CONTAINER_METADATA_URI_V4",
            "HOST",
            "HOSTNAME",
            "PATH",
            "TLS_CERTIFICATE_CHAIN",
            "TLS_PRIVATE_KEY",
        ]);
        await stopTask(caller, taskArn);
    });

    it("the task definition names the secret for Envoy alone", async () => {
        const { taskDefinition } = await caller.ecs.send(
            new DescribeTaskDefinitionCommand({ taskDefinition: "tasks-eu-west-1-task" }),
        );
        const containers = taskDefinition?.containerDefinitions ?? [];
        expect(
            containers.flatMap(({ name, secrets: given = [] }) => given.map((secret) => [name, secret.name])),
        ).to.deep.equal([
            ["envoy", "TLS_CERTIFICATE_CHAIN"],
            ["envoy", "TLS_PRIVATE_KEY"],
        ]);
    });

    it("neither key stands in Pulumi's state, in a log or in an error", async () => {
        const { system } = caller;
        const logs = join(system.directory, "logs");
        const texts = readdirSync(logs, { recursive: true, withFileTypes: true })
            .filter((entry) => entry.isFile())
            .map((entry) => ({ name: entry.name, text: readFileSync(join(entry.parentPath, entry.name), "utf8") }));
        const failure = await renew({ ...caller, outputs: { ...caller.outputs, renewalFunctionName: "none" } }).catch(
            String,
        );
        const everything = [
            ...texts,
            { name: "state", text: readState(system).text },
            { name: "error", text: JSON.stringify(failure) },
        ];

        expect(everything.map(({ name }) => name)).to.include.members(["engine.log", "state", "error"]);
        for (const secret of secrets) {
            expect(everything.filter(({ text }) => text.includes(secret)).map(({ name }) => name)).to.deep.equal([]);
        }
    });
});
