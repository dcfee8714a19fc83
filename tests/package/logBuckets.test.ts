import { readFileSync } from "node:fs";
import { join } from "node:path";

import { runSimulation } from "@cloud-copilot/iam-simulate";
import { expect } from "chai";

import { root } from "../support/plugin";

const account = "111122223333";
const [, section = ""] = readFileSync(join(root, "docs/shapes.md"), "utf8").split("## Logs of requests");
const [application, network] = [...section.split("\n## ")[0].matchAll(/```json\n([^]+?)```/g)].map(
    ([, json]) => JSON.parse(json) as object,
);

async function mayDo(policy: object, principal: string, action: string, resource: string): Promise<boolean> {
    const result = await runSimulation(
        {
            request: {
                principal,
                action,
                resource: { resource, accountId: account },
                contextVariables: {
                    "aws:SourceAccount": account,
                    "aws:SourceArn": `arn:aws:logs:eu-west-1:${account}:delivery-source:1`,
                    "s3:x-amz-acl": "bucket-owner-full-control",
                },
            },
            identityPolicies: [],
            resourcePolicy: policy,
            serviceControlPolicies: [],
            resourceControlPolicies: [],
        },
        {},
    );
    if (result.resultType === "error") {
        throw new Error(JSON.stringify(result.errors));
    }
    return result.overallResult === "Allowed";
}

describe("the bucket policies of docs/shapes.md", () => {
    const bucket = "arn:aws:s3:::example-logs";
    const object = `${bucket}/AWSLogs/${account}/elasticloadbalancing/eu-west-1/2026/11/25/log.gz`;
    const principals = {
        application: "logdelivery.elasticloadbalancing.amazonaws.com",
        network: "delivery.logs.amazonaws.com",
    };

    it("let each type of load balancer write its logs, and the other not", async () => {
        expect(await mayDo(application, principals.application, "s3:PutObject", object)).to.equal(true);
        expect(await mayDo(application, principals.network, "s3:PutObject", object)).to.equal(false);
        expect(await mayDo(network, principals.network, "s3:PutObject", object)).to.equal(true);
        expect(await mayDo(network, principals.network, "s3:GetBucketAcl", bucket)).to.equal(true);
        expect(await mayDo(network, principals.application, "s3:PutObject", object)).to.equal(false);
    });

    it("let nobody write elsewhere, or read", async () => {
        for (const [policy, principal] of [
            [application, principals.application],
            [network, principals.network],
        ] as const) {
            expect(await mayDo(policy, principal, "s3:PutObject", `${bucket}/others`)).to.equal(false);
            expect(await mayDo(policy, principal, "s3:GetObject", object)).to.equal(false);
        }
    });
});
