// The certificate of a service is renewed while requests and WebSockets go to its tasks, which are replaced one after the other.
import { join } from "node:path";

import { DescribeServicesCommand, ECSClient } from "@aws-sdk/client-ecs";
import { InvokeCommand, LambdaClient, ListFunctionsCommand } from "@aws-sdk/client-lambda";
import { expect } from "chai";

import { askRenewal, eventually } from "../../local/internet/caller";
import { startLoad } from "../../local/internet/load";
import { visit } from "../../local/internet/visitor";
import { clientConfig } from "../../local/machine/awsClients";
import { projectRoot } from "../../local/machine/projectRoot";
import { runOperation } from "../../local/pulumi/operation";
import { localConfig } from "../../local/pulumi/platforms";
import { localSystem } from "../support/localSystem";

interface Outputs {
    readonly renewalFunctionName: string;
    readonly serviceName: string;
    readonly clusterArn: string;
}

describe("a service whose certificate is renewed", () => {
    it("has its tasks replaced without a request or a WebSocket that fails", async () => {
        const { file: system } = await localSystem();
        const domain = "rotated.tasks.example.test";
        const options = {
            stack: "rotated",
            program: join(projectRoot, "tests/support/rotatedProgram/index.ts"),
            config: { "aws:region": "eu-west-1", ...localConfig(system), domain },
        };
        const outputs = (await runOperation(system, "up", options)).outputs as unknown as Outputs;
        const config = clientConfig(system.gatewayUrl, { accountId: system.accountId, region: "eu-west-1" });
        const [ecs, lambda] = [new ECSClient(config), new LambdaClient(config)];
        const { serviceName, clusterArn: cluster } = outputs;

        /** The service's only deployment, once it has come to its end. */
        const steady = (not?: string): Promise<string> =>
            eventually("a steady service", async () => {
                const { services = [] } = await ecs.send(
                    new DescribeServicesCommand({ cluster, services: [serviceName] }),
                );
                const [{ deployments = [], runningCount }] = services;
                const [only] = deployments;
                const isSteady = deployments.length === 1 && only.rolloutState === "COMPLETED" && runningCount === 2;
                return isSteady && only.id !== not ? only.id : undefined;
            });
        const hostname = `app.${domain}`;
        const serial = async (): Promise<string | undefined> => {
            const page = await visit(system, hostname).catch(() => undefined);
            return page?.status === 200 && page.authorized ? page.certificate.serialNumber : undefined;
        };

        try {
            const first = await steady();
            const before = await eventually("an answer", serial);
            const load = startLoad(system, hostname);
            await eventually("load of both kinds", () => {
                const { requests, webSockets } = load.counts();
                return Promise.resolve(requests > 20 && webSockets.echoed > 5 ? true : undefined);
            });
            const { serialNumber } = await askRenewal(lambda, outputs.renewalFunctionName, { force: true });
            expect(serialNumber).to.not.equal(before);
            const { Functions = [] } = await lambda.send(new ListFunctionsCommand({}));
            const { FunctionName } = Functions.find((each) => each.FunctionName!.startsWith("app-redeploy-"))!;
            // As its schedule does every five minutes.
            const answer = await lambda.send(new InvokeCommand({ FunctionName, Payload: Buffer.from("{}") }));
            expect(Buffer.from(answer.Payload!).toString()).to.include('"redeployed":true');
            await steady(first);
            for (let handshake = 0; handshake < 10; handshake++) {
                expect(await serial()).to.equal(serialNumber);
            }
            const counts = await load.stop();
            expect([load.failures, load.webSocketFailures]).to.deep.equal([[], []]);
            expect(counts.requests).to.be.at.least(100);
            expect(counts.webSockets.opened).to.be.at.least(4);
        } finally {
            await runOperation(system, "destroy", options);
        }
    });
});
