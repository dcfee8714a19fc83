// The certificate of a service is renewed while requests, HTTP/2 streams and WebSockets go to its tasks, which are replaced one after the other; and then
// with the rotation hot, with which none is.
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
    readonly hotServiceName: string;
    readonly clusterArn: string;
}

describe("services whose certificate is renewed", () => {
    it("have their tasks replaced, or take it up while they run, without a request, a stream or a WebSocket that fails", async () => {
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
        const { serviceName, hotServiceName, clusterArn: cluster } = outputs;

        /** A service's only deployment, once it has come to its end. */
        const steady = (service: string, not?: string): Promise<string> =>
            eventually("a steady service", async () => {
                const { services = [] } = await ecs.send(new DescribeServicesCommand({ cluster, services: [service] }));
                const [{ deployments = [], runningCount }] = services;
                const [only] = deployments;
                const isSteady = deployments.length === 1 && only.rolloutState === "COMPLETED" && runningCount === 2;
                return isSteady && only.id !== not ? only.id : undefined;
            });
        const hostnames = [`app.${domain}`, `hot.${domain}`];
        const serial = async (hostname: string): Promise<string | undefined> => {
            const page = await visit(system, hostname).catch(() => undefined);
            return page?.status === 200 && page.authorized ? page.certificate.serialNumber : undefined;
        };

        try {
            const [first, ofHot] = [await steady(serviceName), await steady(hotServiceName)];
            const before = await Promise.all(hostnames.map((each) => eventually("an answer", () => serial(each))));
            const loads = hostnames.map((each) =>
                startLoad(system, each, { requestsPerSecond: 10, streamsPerSecond: 10 }),
            );
            const goesOn = (): Promise<unknown> => {
                const from = loads.map((load) => load.counts());
                return eventually("load of all kinds", () => {
                    const isMore = loads.every((load, index) => {
                        const { requests, streams, webSockets } = load.counts();
                        const then = from[index];
                        return (
                            requests > then.requests + 20 &&
                            streams.answered > then.streams.answered + 20 &&
                            webSockets.echoed > then.webSockets.echoed + 5
                        );
                    });
                    return Promise.resolve(isMore || undefined);
                });
            };
            await goesOn();
            const { serialNumber } = await askRenewal(lambda, outputs.renewalFunctionName, { force: true });
            expect(before).to.deep.equal([before[0], before[0]]);
            expect(serialNumber).to.not.equal(before[0]);
            const { Functions = [] } = await lambda.send(new ListFunctionsCommand({}));
            for (const [prefix, isReplaced] of [
                ["app-redeploy-", true],
                ["hot-redeploy-", false],
            ] as const) {
                const { FunctionName } = Functions.find((each) => each.FunctionName!.startsWith(prefix))!;
                // As its schedule does every five minutes.
                const answer = await lambda.send(new InvokeCommand({ FunctionName, Payload: Buffer.from("{}") }));
                expect(Buffer.from(answer.Payload!).toString()).to.include(`"redeployed":${isReplaced}`);
            }
            await steady(serviceName, first);
            for (const hostname of hostnames) {
                // Ten in a row, since there are two tasks.
                await eventually("the new serial at each handshake", async () => {
                    for (let handshake = 0; handshake < 10; handshake++) {
                        if ((await serial(hostname)) !== serialNumber) {
                            return undefined;
                        }
                    }
                    return true;
                });
            }
            expect(await steady(hotServiceName)).to.equal(ofHot);
            await goesOn();
            for (const load of loads) {
                const counts = await load.stop();
                expect([load.failures, load.streamFailures, load.webSocketFailures]).to.deep.equal([[], [], []]);
                expect(counts.webSockets.opened).to.be.at.least(4);
            }
            // The tasks of one were replaced: its connection of streams told so. That of the other went on.
            expect(loads[0].counts().streams.connections).to.be.at.least(2);
            expect(loads[1].counts().streams.connections).to.equal(1);
        } finally {
            await runOperation(system, "destroy", options);
        }
    });
});
