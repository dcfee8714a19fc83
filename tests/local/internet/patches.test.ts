import { LambdaClient } from "@aws-sdk/client-lambda";
import { S3Client } from "@aws-sdk/client-s3";
import { expect } from "chai";

import type { PatchReport } from "../../../handlers/patching/report";
import { readPatches } from "../../../local/internet/patches";
import { clientConfig } from "../../../local/machine/awsClients";
import { type FakeAws, json, startFakeAws } from "../../support/fakeAws";
import { createFakePatching, type FakePatching } from "../../support/fakePatching";

function refusal(reading: Promise<unknown>): Promise<string> {
    return reading.then(
        () => "none",
        ({ message }: Error) => message,
    );
}

describe("the report of a Patching", () => {
    let world: FakePatching;
    let aws: FakeAws;
    let variables: object;

    beforeEach(async () => {
        world = createFakePatching();
        variables = { BUCKET_NAME: "report-bucket" };
        const lambda = { service: "lambda", answer: () => json({ Environment: { Variables: variables } }) };
        aws = await startFakeAws([...world.services, lambda]);
    });
    afterEach(() => aws.stop());

    function read(): Promise<PatchReport> {
        const config = clientConfig(aws.url, { accountId: "111122223333", region: "eu-west-1" });
        return readPatches({ lambda: new LambdaClient(config), s3: new S3Client(config) }, "it-patch");
    }

    it("is read where the function leaves it, and nothing else is asked", async () => {
        world.objects["report.json"] = JSON.stringify({ at: "2030-01-01T00:00:00.000Z", tasks: [] });
        expect(await read()).to.deep.equal({ at: "2030-01-01T00:00:00.000Z", tasks: [] });
        expect(aws.requests.map(({ operation }) => operation)).to.deep.equal([
            "GET /2015-03-31/functions/it-patch/configuration",
            "GET /report-bucket/report.json",
        ]);
    });

    for (const [what, text] of [
        ["there is none", undefined],
        ["somebody broke it", "{"],
    ] as const) {
        it(`is told to be awaited when ${what}`, async () => {
            if (text !== undefined) {
                world.objects["report.json"] = text;
            }
            expect(await refusal(read())).to.equal(
                "it-patch has left no report in report-bucket yet. It looks once it is deployed and every 5 minutes: ask again then; if there is still none, its log says why.",
            );
        });
    }

    it("is not looked for at a function of something else", async () => {
        variables = {};
        expect(await refusal(read())).to.equal("it-patch is not the function of a Patching: give its functionName.");
    });
});
