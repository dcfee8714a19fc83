import { expect } from "chai";

import { redeployService } from "../../handlers/redeployService";
import { awsEnvironment, FakeAws, FakeRequest, startFakeAws } from "../support/fakeAws";
import { captureLog } from "../support/fakeLambda";

const clusterArn = "arn:aws:ecs:eu-west-1:111122223333:cluster/web";
const secretArn = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:certificate-AbCdEf";
const context = { functionName: "redeploy", awsRequestId: "r", getRemainingTimeInMillis: () => 60_000 };

describe("redeployService", () => {
    const deployed = Date.parse("2026-05-01T00:00:00Z") / 1000;
    let aws: FakeAws;
    let restoreLog: () => void;
    let changed: number;
    let rsaChanged: number;
    let deployments: object[];
    let inherited: NodeJS.ProcessEnv;

    const json = (value: object) => ({ type: "application/x-amz-json-1.1", body: JSON.stringify(value) }) as const;
    const answer = ({ operation, body }: FakeRequest) => {
        switch (operation) {
            case "DescribeSecret":
                return json({ LastChangedDate: body.includes(secretArn) ? changed : rsaChanged });
            case "DescribeServices":
                return json({ services: [{ serviceName: "web", deployments }] });
            default:
                return json({});
        }
    };

    before(async () => {
        aws = await startFakeAws(["ecs", "secretsmanager"].map((service) => ({ service, answer })));
        inherited = { ...process.env };
        const own = { CLUSTER_ARN: clusterArn, SERVICE_NAME: "web", SECRET_ARN: secretArn };
        Object.assign(process.env, awsEnvironment(aws.url), own);
    });
    beforeEach(() => {
        ({ restore: restoreLog } = captureLog());
        aws.requests.length = 0;
        deployments = [
            { status: "ACTIVE", createdAt: deployed + 900 },
            { status: "PRIMARY", createdAt: deployed },
        ];
    });
    afterEach(() => restoreLog());
    after(async () => {
        process.env = inherited;
        await aws.stop();
    });

    it("replaces the tasks once the certificate is newer than their deployment", async () => {
        changed = deployed + 60;
        expect(await redeployService({}, context)).to.deep.equal({
            redeployed: true,
            reason: "certificate of 2026-05-01T00:01:00.000Z, deployment of 2026-05-01T00:00:00.000Z",
        });
        const update = aws.requests.find(({ operation }) => operation === "UpdateService");
        expect(JSON.parse(update?.body ?? "{}")).to.deep.equal({
            cluster: clusterArn,
            service: "web",
            forceNewDeployment: true,
        });
    });

    it("replaces them when both were in one second, of which the secret's date tells no part", async () => {
        deployments = [{ status: "PRIMARY", createdAt: deployed + 0.6 }];
        changed = deployed;
        expect(await redeployService({}, context)).to.include({ redeployed: true });
        deployments = [{ status: "PRIMARY", createdAt: deployed + 1 }];
        expect(await redeployService({}, context)).to.include({ redeployed: false });
    });

    it("leaves them alone otherwise", async () => {
        changed = deployed - 60;
        expect(await redeployService({}, context)).to.include({ redeployed: false });
        expect(aws.requests.map(({ operation }) => operation)).to.deep.equal(["DescribeSecret", "DescribeServices"]);
    });

    it("leaves tasks alone that take up certificates while they run, but not a deployment that did not come to its end", async () => {
        changed = deployed + 60;
        process.env.ONLY_INCOMPLETE = "true";
        const states = ["COMPLETED", "IN_PROGRESS", "FAILED", undefined];
        const results = [];
        for (const rolloutState of states) {
            deployments = [{ status: "PRIMARY", createdAt: deployed, rolloutState }];
            results.push((await redeployService({}, context)).redeployed);
        }
        delete process.env.ONLY_INCOMPLETE;
        expect(results).to.deep.equal([false, true, true, true]);
    });

    it("replaces them when either of two certificates is newer", async () => {
        process.env.RSA_SECRET_ARN = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:rsa-AbCdE1";
        const results = [];
        for ([changed, rsaChanged] of [
            [deployed - 60, deployed - 30],
            [deployed - 60, deployed + 60],
            [deployed + 60, deployed - 60],
        ]) {
            results.push(await redeployService({}, context));
        }
        delete process.env.RSA_SECRET_ARN;
        const and = "deployment of 2026-05-01T00:00:00.000Z";
        expect(results).to.deep.equal([
            { redeployed: false, reason: `certificate of 2026-04-30T23:59:30.000Z, ${and}` },
            { redeployed: true, reason: `certificate of 2026-05-01T00:01:00.000Z, ${and}` },
            { redeployed: true, reason: `certificate of 2026-05-01T00:01:00.000Z, ${and}` },
        ]);
    });

    it("names a service that is not there", async () => {
        deployments = [];
        const refusal = await redeployService({}, context).catch((error: Error) => error);
        expect(refusal).to.include({
            name: "ServiceNotFound",
            message: `The service web has no deployment in ${clusterArn}: was it deleted?`,
        });
    });
});
